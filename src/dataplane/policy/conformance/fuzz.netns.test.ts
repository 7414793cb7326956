/**
 * Random worlds on real packets: the kernel answers as the oracle does. A difference is shrunk to the smallest world that
 * has it. Nodes, pods and connections' servers stay; a world changes labels, places, namespaces and policies, and all its
 * connections are tried at once, each ending with its answer or with the log message of the rule that dropped it.
 * PODWIRE_FUZZ_WORLDS=5000 for as many worlds, however long it takes; PODWIRE_FUZZ_SEED for the same ones again.
 */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import fc from "fast-check";
import { requireRoot } from "#kernel/testing/with-netns.ts";
import type { PolicyWorld } from "#policy/policy-world.ts";
import type { DirectionRules, RuleModelChanges } from "#policy/rule-model.ts";
import { RANDOM_PORTS, randomWorlds } from "#policy/testing/random-world.ts";
import { PLANES } from "../../conformance/planes.ts";
import { checkCase } from "./check-case.ts";
import { placeWorld } from "./place-world.ts";
import { planProbes } from "./probe-plans.ts";
import { createTestCluster, type PlantedBug, type TestCluster } from "./test-cluster.ts";

const WANTED_WORLDS = process.env["PODWIRE_FUZZ_WORLDS"];
const WORLDS = Number(WANTED_WORLDS ?? 500);
const SEED = Number(process.env["PODWIRE_FUZZ_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
/** A machine that is busy tries fewer, unless so many are asked for. */
const TIME_LIMIT_MS = 45_000;
const FEWEST_WORLDS = 10;
const PROTOCOLS = ["TCP", "UDP"] as const;
const ports = RANDOM_PORTS.flatMap((port) => PROTOCOLS.map((protocol) => ({ protocol, port })));
const worlds = fc.record({
  world: randomWorlds({ hasOddPods: false }),
  family: fc.constantFrom(4 as const, 6 as const),
  turn: fc.nat(ports.length - 1),
});

suite("random policies", requireRoot, () => {
  let cluster: TestCluster;
  before(async () => {
    const plane = PLANES.find(({ title }) => title === "host-gw");
    assert.ok(plane);
    cluster = await createTestCluster(plane);
  });
  after(() => cluster[Symbol.asyncDispose]());

  async function differences(
    { world, family, turn }: { world: PolicyWorld; family: 4 | 6; turn: number },
    plant?: PlantedBug,
  ): Promise<readonly string[]> {
    const placed = placeWorld(world, cluster.slots, cluster.nodes);
    cluster.apply(placed, plant);
    const result = await checkCase(cluster, placed, planProbes({ slots: cluster.slots.length, family, turn, ports }));
    return result.differences;
  }

  test(`the kernel and the oracle agree on ${WORLDS} random worlds`, async (context) => {
    let tried = 0;
    context.diagnostic(`seed ${SEED}`);
    await fc.assert(
      fc.asyncProperty(worlds, async (one) => {
        assert.deepEqual(await differences(one), []);
        for (const enforcer of cluster.enforcers) assert.deepEqual(enforcer.drift(), []);
        tried++;
      }),
      { numRuns: WORLDS, seed: SEED, ...(WANTED_WORLDS === undefined && { interruptAfterTimeLimit: TIME_LIMIT_MS }) },
    );
    context.diagnostic(`${tried} worlds`);
    assert.ok(tried >= Math.min(WORLDS, FEWEST_WORLDS), `${tried} worlds are no test`);
  });

  test("a compiler that takes one port too many is found out, and the world that shows it is small", async () => {
    const result = await fc.check(
      fc.asyncProperty(worlds, async (one) => (await differences(one, oneTooMany)).length === 0),
      { numRuns: 400, seed: 1 },
    );
    cluster.apply({ namespaces: new Map(), pods: new Map(), nodes: new Map(), policies: new Map() });
    assert.equal(result.failed, true);
    const [smallest] = result.counterexample ?? [];
    assert.ok(smallest);
    assert.ok(smallest.world.policies.size <= 2, `${smallest.world.policies.size} policies`);
  });
});

/** Every range of ports ends one port late. */
function oneTooMany(changes: RuleModelChanges): RuleModelChanges {
  const widen = (rules: DirectionRules | undefined): DirectionRules | undefined =>
    rules && {
      ...rules,
      rules: rules.rules.map((rule) =>
        rule.ports === "any"
          ? rule
          : {
              ...rule,
              ports: rule.ports.map((port) =>
                port.kind === "range" && port.last < 0xffff ? { ...port, last: port.last + 1 } : port,
              ),
            },
      ),
    };
  return { ...changes, directions: new Map([...changes.directions].map(([key, rules]) => [key, widen(rules)])) };
}
