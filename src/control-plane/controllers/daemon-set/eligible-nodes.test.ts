import assert from "node:assert/strict";
import { test } from "node:test";
import { daemonSet as daemonSetKind } from "#api/kinds/daemon-set.ts";
import { node as nodeKind } from "#api/kinds/node.ts";
import type { JsonObject } from "#base/json.ts";
import { webTemplate } from "../workload/testing/test-objects.ts";
import { draftOf } from "../workload/testing/workload-cluster.ts";
import { eligibilityOf } from "./eligible-nodes.ts";

const STAYS = { shouldRun: false, mayStay: true };
const YES = { shouldRun: true, mayStay: true };
const NO = { shouldRun: false, mayStay: false };

const taint = (key: string, effect: string): JsonObject => ({ taints: [{ key, effect }] });
const ssd = { matchExpressions: [{ key: "disk", operator: "In", values: ["ssd"] }] };
const required = (...terms: readonly JsonObject[]): JsonObject => ({
  affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } } },
});

/** The node is n1 with the label disk=ssd. */
const rows: readonly (readonly [what: string, pod: JsonObject, node: JsonObject, expected: typeof YES])[] = [
  ["any node", {}, {}, YES],
  ["a node with the wanted label", { nodeSelector: { disk: "ssd" } }, {}, YES],
  ["a node without the wanted label", { nodeSelector: { disk: "hdd" } }, {}, NO],
  [
    "a node that the affinity matches",
    required({ matchExpressions: [{ key: "x", operator: "Exists" }] }, ssd),
    {},
    YES,
  ],
  [
    "a node that the affinity does not match",
    required({ ...ssd, matchFields: [{ key: "metadata.name", operator: "NotIn", values: ["n1"] }] }),
    {},
    NO,
  ],
  ["the node that is named", { nodeName: "n1" }, {}, YES],
  ["another node than the one that is named", { nodeName: "n2" }, {}, NO],
  ["a node with a taint", {}, taint("dedicated", "NoSchedule"), STAYS],
  ["a node with a taint that drives pods away", {}, taint("dedicated", "NoExecute"), NO],
  ["a node with a taint that only warns", {}, taint("dedicated", "PreferNoSchedule"), YES],
  [
    "a node with a taint that is borne",
    { tolerations: [{ key: "dedicated", operator: "Exists" }] },
    taint("dedicated", "NoExecute"),
    YES,
  ],
  ["a node that is not ready", {}, taint("node.kubernetes.io/not-ready", "NoExecute"), YES],
  ["a node that cannot be reached", {}, taint("node.kubernetes.io/unreachable", "NoExecute"), YES],
  ["a cordoned node", {}, taint("node.kubernetes.io/unschedulable", "NoSchedule"), YES],
  ["a node under pressure", {}, taint("node.kubernetes.io/memory-pressure", "NoSchedule"), YES],
  ["a node without a network", {}, taint("node.kubernetes.io/network-unavailable", "NoSchedule"), STAYS],
  [
    "a node without a network, for a pod that makes it",
    { hostNetwork: true },
    taint("node.kubernetes.io/network-unavailable", "NoSchedule"),
    YES,
  ],
];

for (const [what, pod, spec, expected] of rows) {
  test(`eligibilityOf ${what}`, () => {
    const daemonSet = draftOf(daemonSetKind, "web", { spec: webTemplate("web:1", pod) });
    const node = draftOf(nodeKind, "n1", { metadata: { labels: { disk: "ssd" } }, spec });
    assert.deepEqual(eligibilityOf(daemonSet)(node), expected);
  });
}
