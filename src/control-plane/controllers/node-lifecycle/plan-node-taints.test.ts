import assert from "node:assert/strict";
import { test } from "node:test";
import type { NodeCondition } from "#api/kinds/node/node-status.ts";
import type { Node } from "#api/kinds/node.ts";
import { planNodeTaints } from "./plan-node-taints.ts";

function nodeWith(conditions: readonly NodeCondition[], spec: Node["spec"] = {}): Node {
  return { apiVersion: "v1", kind: "Node", metadata: { name: "node-1" }, spec, status: { conditions } };
}

function texts(node: Node, evicts = true): readonly string[] | undefined {
  const taints = planNodeTaints(node, { now: "2025-01-01T00:00:00Z", evicts });
  return taints?.map(({ key, effect }) => `${key.replace("node.kubernetes.io/", "")}:${effect}`);
}

const is = (type: string, status: NodeCondition["status"]): NodeCondition => ({ type, status });

for (const { conditions, spec, evicts, taints } of [
  { conditions: [is("Ready", "True")], spec: {}, evicts: true, taints: undefined },
  { conditions: [], spec: {}, evicts: true, taints: undefined },
  {
    conditions: [is("Ready", "False")],
    spec: {},
    evicts: true,
    taints: ["not-ready:NoSchedule", "not-ready:NoExecute"],
  },
  {
    conditions: [is("Ready", "Unknown")],
    spec: {},
    evicts: true,
    taints: ["unreachable:NoSchedule", "unreachable:NoExecute"],
  },
  { conditions: [is("Ready", "Unknown")], spec: {}, evicts: false, taints: ["unreachable:NoSchedule"] },
  {
    conditions: [is("Ready", "True")],
    spec: { unschedulable: true },
    evicts: true,
    taints: ["unschedulable:NoSchedule"],
  },
  {
    conditions: [
      is("MemoryPressure", "True"),
      is("DiskPressure", "True"),
      is("PIDPressure", "True"),
      is("NetworkUnavailable", "True"),
    ],
    spec: {},
    evicts: true,
    taints: [
      "memory-pressure:NoSchedule",
      "disk-pressure:NoSchedule",
      "network-unavailable:NoSchedule",
      "pid-pressure:NoSchedule",
    ],
  },
  { conditions: [is("MemoryPressure", "Unknown")], spec: {}, evicts: true, taints: undefined },
] as const) {
  const states = [...conditions.map(({ type, status }) => `${type}=${status}`), JSON.stringify(spec)].join(" ");
  test(`planNodeTaints of ${states}${evicts ? "" : ", with no node ready"}`, () => {
    assert.deepEqual(texts(nodeWith(conditions, spec), evicts), taints);
  });
}

test("planNodeTaints keeps the taints of others, and the times of its own", () => {
  const foreign = { key: "dedicated", value: "db", effect: "NoExecute" } as const;
  const old = {
    key: "node.kubernetes.io/unreachable",
    effect: "NoSchedule",
    timeAdded: "2024-12-31T00:00:00Z",
  } as const;
  const stale = { key: "node.kubernetes.io/not-ready", effect: "NoExecute" } as const;
  const node = nodeWith([is("Ready", "Unknown")], { taints: [foreign, stale, old] });
  assert.deepEqual(planNodeTaints(node, { now: "2025-01-01T00:00:00Z", evicts: true }), [
    foreign,
    old,
    { key: "node.kubernetes.io/unreachable", effect: "NoExecute", timeAdded: "2025-01-01T00:00:00Z" },
  ]);
  const well = nodeWith([is("Ready", "True")], { taints: [foreign, old] });
  assert.deepEqual(planNodeTaints(well, { now: "2025-01-01T00:00:00Z", evicts: true }), [foreign]);
});
