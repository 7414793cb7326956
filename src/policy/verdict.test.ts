import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compileRuleModel } from "./compile-rule-model.ts";
import { isAllowedNaively } from "./testing/naive-verdict.ts";
import { ownNodeContext } from "./testing/own-node-context.ts";
import { flowsOfWorld, randomWorlds } from "./testing/random-world.ts";
import { createVerdicts } from "./verdict.ts";

test("verdict over compiled rules is what the objects say, for random worlds and all their flows", () => {
  const property = fc.property(randomWorlds(), (world) => {
    const verdictOf = createVerdicts(compileRuleModel(world), ownNodeContext(world));
    for (const flow of flowsOfWorld(world, [80, 81, 8080])) {
      const { allowed } = verdictOf(flow);
      if (allowed !== isAllowedNaively(world, flow))
        assert.fail(`${allowed ? "allowed" : "denied"}: ${JSON.stringify(flow)}`);
    }
  });
  fc.assert(property, { numRuns: 100 });
});

test("verdict of a node's own rules is that of all rules, for each end that runs there", () => {
  const property = fc.property(randomWorlds(), (world) => {
    const whole = createVerdicts(compileRuleModel(world));
    for (const node of world.nodes.keys()) {
      const own = createVerdicts(compileRuleModel(world, { node }));
      for (const flow of flowsOfWorld(world, [80])) {
        const [part, all] = [own(flow), whole(flow)];
        for (const direction of ["egress", "ingress"] as const) {
          if (part[direction].pod !== undefined) assert.deepEqual(part[direction], all[direction]);
        }
      }
    }
  });
  fc.assert(property, { numRuns: 15 });
});
