/**
 * Every case on real packets, over each way between nodes and between a node and its pods, both families: no difference
 * between oracle and kernel.
 */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { requireRoot } from "#kernel/testing/with-netns.ts";
import { PLANES } from "../../conformance/planes.ts";
import { FAMILIES } from "../../contract.ts";
import { POLICY_CASES } from "./cases.ts";
import { checkCase } from "./check-case.ts";
import { planProbes } from "./probe-plans.ts";
import { createTestCluster, type TestCluster } from "./test-cluster.ts";

const WORLDS = [
  { plane: "vxlan", joined: "bridged" },
  { plane: "host-gw", joined: "bridged" },
  { plane: "host-gw", joined: "routed" },
  { plane: "udp", joined: "bridged" },
] as const;

for (const { plane: title, joined } of WORLDS) {
  suite(`policies over ${title}, pods ${joined}`, requireRoot, () => {
    let cluster: TestCluster;
    before(async () => {
      const plane = PLANES.find((one) => one.title === title);
      assert.ok(plane);
      cluster = await createTestCluster(plane, { joined });
    });
    after(() => cluster[Symbol.asyncDispose]());

    for (const [index, one] of POLICY_CASES.entries()) {
      for (const family of FAMILIES) {
        test(`${one.title}, IPv${family}`, async () => {
          const world = cluster.worldOf(one);
          cluster.apply(world);
          const probes = planProbes({ slots: cluster.slots.length, family, turn: index });
          const { differences, allowed } = await checkCase(cluster, world, probes);
          assert.deepEqual(differences, []);
          assert.ok(allowed > 0, "some connection is allowed, so that a drop is no broken network");
          for (const enforcer of cluster.enforcers) assert.deepEqual(enforcer.drift(), []);
        });
      }
    }

    test("sync finds nothing to change after all cases", () => {
      assert.deepEqual(cluster.sync(), [[], [], []]);
    });
  });
}
