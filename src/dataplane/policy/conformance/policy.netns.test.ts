/** Every case on real packets, over each way between nodes, both families: no difference between oracle and kernel. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { requireRoot } from "#kernel/testing/with-netns.ts";
import { PLANES } from "../../conformance/planes.ts";
import { FAMILIES } from "../../contract.ts";
import { POLICY_CASES } from "./cases.ts";
import { checkCase } from "./check-case.ts";
import { planProbes } from "./probe-plans.ts";
import { createTestCluster, type TestCluster } from "./test-cluster.ts";

for (const plane of PLANES.filter(({ title }) => title === "vxlan" || title === "host-gw")) {
  suite(`policies over ${plane.title}`, requireRoot, () => {
    let cluster: TestCluster;
    before(async () => {
      cluster = await createTestCluster(plane);
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
