/**
 * The policies that people commonly write, and each rule of the semantics, on real packets: what `#policy/testing/recipes.ts`
 * says must and must not pass, between pods and to and from one machine outside.
 */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { requireRoot } from "#kernel/testing/with-netns.ts";
import type { PolicyRecipe, RecipeCase } from "#policy/testing/recipes/recipe.ts";
import { POLICY_RECIPES } from "#policy/testing/recipes.ts";
import { PLANES } from "../../conformance/planes.ts";
import { FAMILIES } from "../../contract.ts";
import { type CaseProbe, checkCase } from "./check-case.ts";
import { placeWorld } from "./place-world.ts";
import { createTestCluster, type TestCluster } from "./test-cluster.ts";

/** Recipes that the pods of this cluster cannot play. */
const SKIPPED: Readonly<Partial<Record<PolicyRecipe["semantics"], string>>> = {
  "hostNetwork pods": "a slot is no pod in the node's network",
  lifecycle: "a slot keeps its address",
};

const recipes = POLICY_RECIPES.filter(({ semantics }) => SKIPPED[semantics] === undefined);

suite("policy recipes", requireRoot, () => {
  let cluster: TestCluster;
  before(async () => {
    const plane = PLANES.find(({ title }) => title === "host-gw");
    assert.ok(plane);
    cluster = await createTestCluster(plane);
  });
  after(() => cluster[Symbol.asyncDispose]());

  for (const recipe of recipes) {
    test(`${recipe.semantics}: ${recipe.name}`, async () => {
      const placed = placeWorld(recipe.world, cluster.slots, cluster.nodes);
      const ends = [...placed.pods.keys()];
      const probes = recipe.cases.flatMap((one) => probesOf(one, ends));
      cluster.apply(placed);
      const { allowed, denied, differences } = await checkCase(
        cluster,
        placed,
        probes.map(({ probe }) => probe),
      );
      assert.deepEqual(differences, []);
      // The oracle was asked about what the recipe says: that it is of the same mind is its own test.
      const expected = probes.filter(({ verdict }) => verdict === "allow").length;
      assert.deepEqual([allowed, denied], [expected, probes.length - expected]);
    });
  }
});

/** Between pods; stations outside have other addresses here, and SCTP, ICMP and nodes have no probe. */
function probesOf(
  { from, to, protocol, port, family, verdict }: RecipeCase,
  ends: readonly string[],
): readonly { readonly probe: CaseProbe; readonly verdict: RecipeCase["verdict"] }[] {
  const [source, destination] = [ends.indexOf(from), ends.indexOf(to)];
  if (source < 0 || destination < 0 || port === undefined || protocol === "other" || protocol === "SCTP") return [];
  const families = family === undefined ? FAMILIES : [family];
  return families.map((one) => ({ verdict, probe: { from: source, to: destination, family: one, protocol, port } }));
}
