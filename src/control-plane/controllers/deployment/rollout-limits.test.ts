import assert from "node:assert/strict";
import { test } from "node:test";
import { deployment as deploymentKind } from "#api/kinds/deployment.ts";
import type { JsonObject } from "#base/json.ts";
import { webTemplate } from "../workload/testing/test-objects.ts";
import { draftOf } from "../workload/testing/workload-cluster.ts";
import { rolloutLimits } from "./rollout-limits.ts";

const rows: readonly (readonly [replicas: number, rollingUpdate: JsonObject, surge: number, unavailable: number])[] = [
  [3, {}, 1, 0],
  [4, {}, 1, 1],
  [10, {}, 3, 2],
  [10, { maxSurge: "30%", maxUnavailable: "30%" }, 3, 3],
  [10, { maxSurge: 3, maxUnavailable: 2 }, 3, 2],
  [1, { maxSurge: 0, maxUnavailable: "1%" }, 0, 1],
  [2, { maxSurge: 0, maxUnavailable: 5 }, 0, 2],
  [0, { maxSurge: 2, maxUnavailable: 2 }, 0, 0],
];

for (const [replicas, rollingUpdate, maxSurge, maxUnavailable] of rows) {
  test(`rolloutLimits of ${replicas} pods with ${JSON.stringify(rollingUpdate)}`, () => {
    const spec = { ...webTemplate(), replicas, strategy: { rollingUpdate } };
    assert.deepEqual(rolloutLimits(draftOf(deploymentKind, "web", { spec })), { maxSurge, maxUnavailable });
  });
}

test("rolloutLimits of Recreate are none", () => {
  const spec = { ...webTemplate(), replicas: 10, strategy: { type: "Recreate" } };
  assert.deepEqual(rolloutLimits(draftOf(deploymentKind, "web", { spec })), { maxSurge: 0, maxUnavailable: 0 });
});
