import assert from "node:assert/strict";
import { test } from "node:test";
import { compileRuleModel } from "../compile-rule-model.ts";
import { createVerdicts } from "../verdict.ts";
import { isAllowedNaively } from "./naive-verdict.ts";
import { ownNodeContext } from "./own-node-context.ts";
import { flowsOfCase } from "./recipe-flows.ts";
import { type RecipeCase, SEMANTICS } from "./recipes/recipe.ts";
import { POLICY_RECIPES } from "./recipes.ts";

const describeCase = ({ from, to, protocol, port }: RecipeCase): string =>
  `${from} > ${to} ${protocol}${port === undefined ? "" : `/${port}`}`;

for (const recipe of POLICY_RECIPES) {
  test(`verdict: ${recipe.semantics}: ${recipe.name}`, () => {
    const { world } = recipe;
    const verdictOf = createVerdicts(compileRuleModel(world), ownNodeContext(world));
    for (const one of recipe.cases) {
      for (const flow of flowsOfCase(world, one)) {
        assert.equal(verdictOf(flow).allowed ? "allow" : "deny", one.verdict, `${describeCase(one)} IPv${flow.family}`);
        assert.equal(isAllowedNaively(world, flow) ? "allow" : "deny", one.verdict, `naive: ${describeCase(one)}`);
      }
    }
  });
}

test("POLICY_RECIPES show every row of the semantics, with at least 200 cases, each once", () => {
  assert.deepEqual(
    SEMANTICS.filter((row) => !POLICY_RECIPES.some(({ semantics }) => semantics === row)),
    [],
  );
  const names = POLICY_RECIPES.map(({ name }) => name);
  assert.deepEqual(names, [...new Set(names)]);
  for (const { name, cases } of POLICY_RECIPES) {
    const texts = cases.map((one) => `${describeCase(one)} ${one.family}`);
    assert.deepEqual(texts, [...new Set(texts)], name);
  }
  const count = POLICY_RECIPES.flatMap(({ cases }) => cases).length;
  assert.ok(count >= 200, `only ${count}`);
});
