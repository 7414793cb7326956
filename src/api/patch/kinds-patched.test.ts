import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#base/json.ts";
import type { KubeObject } from "../kind.ts";
import { node } from "../kinds/node.ts";
import { pod } from "../kinds/pod/pod.ts";
import { deepFreeze } from "../schema/freeze.ts";
import { trackUpdate } from "./apply/track-update.ts";
import { applyMergePatch } from "./merge-patch.ts";
import { applyStrategicMergePatch } from "./strategic-merge-patch.ts";

const worker: JsonObject = deepFreeze({
  apiVersion: "v1",
  kind: "Node",
  metadata: { name: "n1", labels: { zone: "a", "kubernetes.io/os": "linux" } },
  spec: { podCIDR: "10.0.0.0/24", podCIDRs: ["10.0.0.0/24"], taints: [{ key: "a", effect: "NoSchedule" }] },
  status: {
    addresses: [{ type: "InternalIP", address: "192.0.2.1" }],
    conditions: [{ type: "Ready", status: "True" }],
  },
});

function patchNode(patch: JsonObject): JsonObject {
  return applyStrategicMergePatch(node.schema, worker, patch);
}

test("kubectl cordon and uncordon", () => {
  const cordoned = patchNode({ spec: { unschedulable: true } });
  assert.deepEqual(cordoned["spec"], { ...(worker["spec"] as JsonObject), unschedulable: true });
  assert.deepEqual(applyStrategicMergePatch(node.schema, cordoned, { spec: { unschedulable: null } }), worker);
});

test("kubectl taint replaces the taints", () => {
  const taints = [{ key: "b", effect: "NoExecute" }];
  assert.deepEqual((patchNode({ spec: { taints } })["spec"] as JsonObject)["taints"], taints);
  assert.equal((patchNode({ spec: { taints: null } })["spec"] as JsonObject)["taints"], undefined);
});

test("kubectl label zone- removes the label", () => {
  const labelled = applyMergePatch(worker, { metadata: { labels: { zone: null, rack: "1" } } });
  assert.deepEqual(((labelled as JsonObject)["metadata"] as JsonObject)["labels"], {
    "kubernetes.io/os": "linux",
    rack: "1",
  });
});

test("a node's second range is added to the first", () => {
  const patched = patchNode({ spec: { podCIDRs: ["fd00::/64"] } });
  assert.deepEqual(
    new Set((patched["spec"] as { podCIDRs: string[] }).podCIDRs),
    new Set(["10.0.0.0/24", "fd00::/64"]),
  );
});

test("a kubelet's patch of the status keeps other conditions", () => {
  const { status } = patchNode({
    status: {
      "$setElementOrder/conditions": [{ type: "Ready" }, { type: "DiskPressure" }],
      conditions: [{ type: "DiskPressure", status: "False" }],
    },
  }) as { status: JsonObject };
  assert.deepEqual(status["conditions"], [
    { type: "Ready", status: "True" },
    { type: "DiskPressure", status: "False" },
  ]);
});

test("a pod's managers after scheduling and a status from its node", () => {
  const created = track(undefined, { spec: { containers: [{ name: "web", image: "a" }] } }, "kubectl-run", "");
  const running = track(
    created,
    { ...created, status: { phase: "Running", podIPs: [{ ip: "10.0.0.5" }] } },
    "kubelet",
    "status",
  );
  const ready = track(running, { ...running, status: { phase: "Running", podIPs: [] } }, "kubelet", "status");
  assert.deepEqual(
    ready.metadata.managedFields?.map(({ manager, subresource, fieldsV1 }) => [manager, subresource, fieldsV1]),
    [
      [
        "kubectl-run",
        undefined,
        { "f:spec": { "f:containers": { 'k:{"name":"web"}': { ".": {}, "f:image": {}, "f:name": {} } } } },
      ],
      ["kubelet", "status", { "f:status": { "f:phase": {}, "f:podIPs": {} } }],
    ],
  );
});

function track(old: KubeObject | undefined, members: object, fieldManager: string, subresource: string): KubeObject {
  const object = { apiVersion: "v1", kind: "Pod", metadata: { name: "web" }, ...members };
  return deepFreeze(trackUpdate(pod, old, object, { fieldManager, now: new Date(0), subresource }));
}
