import assert from "node:assert/strict";
import { test } from "node:test";
import { type DaemonSet, daemonSet as daemonSetKind } from "#api/kinds/daemon-set.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { JsonObject } from "#base/json.ts";
import { webTemplate } from "../workload/testing/test-objects.ts";
import { draftOf } from "../workload/testing/workload-cluster.ts";
import { daemonPod, daemonTolerations, targetNode } from "./daemon-pod.ts";

function daemonSet(pod: JsonObject = {}): DaemonSet {
  return draftOf(daemonSetKind, "web", { metadata: { uid: "u-web" }, spec: webTemplate("web:1", pod) });
}

test("daemonPod is bound to its node by affinity, which takes the place of what chose the node", () => {
  const preferred = [{ weight: 1, preference: { matchExpressions: [{ key: "x", operator: "Exists" }] } }];
  const nodeAffinity = {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [{ matchExpressions: [{ key: "disk", operator: "Exists" }] }],
    },
    preferredDuringSchedulingIgnoredDuringExecution: preferred,
  };
  const draft = daemonPod(daemonSet({ affinity: { nodeAffinity } }), "n1", "hash");
  assert.deepEqual(draft.spec.affinity?.nodeAffinity, {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [{ matchFields: [{ key: "metadata.name", operator: "In", values: ["n1"] }] }],
    },
    preferredDuringSchedulingIgnoredDuringExecution: preferred,
  });
  assert.deepEqual(draft.metadata.labels, { app: "web", "controller-revision-hash": "hash" });
  assert.equal(draft.metadata.generateName, "web-");
  const made: Pod = { apiVersion: "v1", kind: "Pod", ...draft };
  assert.equal(targetNode(made), "n1");
  assert.equal(targetNode({ ...made, spec: { ...made.spec, nodeName: "n2" } }), "n2");
  assert.equal(targetNode({ ...made, spec: { containers: [] } }), undefined);
});

test("daemonTolerations are those of every daemon beside the template's, each once", () => {
  const own = { key: "dedicated", operator: "Equal", value: "a", effect: "NoSchedule" } as const;
  const brief = {
    key: "node.kubernetes.io/not-ready",
    operator: "Exists",
    effect: "NoExecute",
    tolerationSeconds: 5,
  } as const;
  const texts = daemonTolerations({ containers: [], tolerations: [own, brief], hostNetwork: true }).map(
    ({ key, effect, tolerationSeconds }) => `${key}:${effect}:${tolerationSeconds ?? "ever"}`,
  );
  assert.deepEqual(texts, [
    "dedicated:NoSchedule:ever",
    "node.kubernetes.io/not-ready:NoExecute:ever",
    "node.kubernetes.io/unreachable:NoExecute:ever",
    "node.kubernetes.io/disk-pressure:NoSchedule:ever",
    "node.kubernetes.io/memory-pressure:NoSchedule:ever",
    "node.kubernetes.io/pid-pressure:NoSchedule:ever",
    "node.kubernetes.io/unschedulable:NoSchedule:ever",
    "node.kubernetes.io/network-unavailable:NoSchedule:ever",
  ]);
});
