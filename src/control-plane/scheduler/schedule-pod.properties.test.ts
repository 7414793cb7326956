import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Node } from "#api/kinds/node.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import { keyOf } from "#api-client/object-cache.ts";
import { schedulePod } from "./schedule-pod.ts";
import type { ClusterState } from "./state/cluster-state.ts";
import { arbitraryNode, arbitraryPod, NAMESPACES, NODE_NAMES } from "./testing/arbitrary-cluster.ts";
import { clusterOf, type TestCluster } from "./testing/builders.ts";
import { describeNodes } from "./testing/describe-nodes.ts";
import { violations } from "./testing/violations.ts";

type Command =
  | { readonly type: "node"; readonly node: Node }
  | { readonly type: "remove node"; readonly name: string }
  /** With what becomes of the binding. */
  | { readonly type: "schedule"; readonly pod: Pod; readonly outcome: "seen" | "assumed" | "failed" }
  | { readonly type: "see" | "terminate" | "delete"; readonly which: number };

const which = fc.nat({ max: 50 });
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ type: fc.constant("node" as const), node: arbitraryNode }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant("remove node" as const), name: fc.constantFrom(...NODE_NAMES) }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constant("schedule" as const),
      pod: arbitraryPod,
      outcome: fc.constantFrom("seen" as const, "assumed" as const, "failed" as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constantFrom("see" as const, "terminate" as const, "delete" as const), which }),
  },
);
const commands = fc.tuple(
  fc.array(fc.record({ type: fc.constant("node" as const), node: arbitraryNode }), { minLength: 3, maxLength: 6 }),
  fc.array(command, { minLength: 5, maxLength: 50 }),
);

/** What is there, as plain lists, beside the state that is kept up to date. */
interface Model {
  readonly nodes: Map<string, Node>;
  readonly pods: Map<string, Pod>;
}

function asCluster({ nodes, pods }: Model): TestCluster {
  return { nodes: [...nodes.values()], pods: [...pods.values()], namespaces: NAMESPACES };
}

function run(command: Command, model: Model, state: ClusterState): void {
  switch (command.type) {
    case "node":
      model.nodes.set(command.node.metadata.name ?? "", command.node);
      state.setNode(command.node);
      break;
    case "remove node":
      model.nodes.delete(command.name);
      state.removeNode(command.name);
      break;
    case "schedule":
      schedule(command, model, state);
      break;
    case "see":
    case "terminate":
    case "delete":
      change(command, model, state);
      break;
    default:
      command satisfies never;
  }
}

function schedule({ pod, outcome }: Extract<Command, { type: "schedule" }>, model: Model, state: ClusterState): void {
  if (model.pods.has(keyOf(pod))) return;
  const cluster = asCluster(model);
  const scheduling = schedulePod(pod, state);
  assert.deepEqual(schedulePod(pod, clusterOf(cluster)), scheduling, "decided otherwise from scratch");
  if (!("node" in scheduling)) {
    for (const node of cluster.nodes) assert.notDeepEqual(violations(pod, node, cluster), [], node.metadata.name ?? "");
    return;
  }
  const node = model.nodes.get(scheduling.node);
  assert.ok(node !== undefined);
  assert.deepEqual(violations(pod, node, cluster), []);
  const bound = { ...pod, spec: { ...pod.spec, nodeName: scheduling.node } };
  state.assume(pod, scheduling.node);
  if (outcome === "failed") assert.equal(state.forget(pod), true);
  else model.pods.set(keyOf(pod), bound);
  if (outcome === "seen") state.setPod(bound);
}

function change(
  { type, which }: { readonly type: "see" | "terminate" | "delete"; readonly which: number },
  { pods }: Model,
  state: ClusterState,
): void {
  const pod = [...pods.values()][which % Math.max(1, pods.size)];
  if (pod === undefined) return;
  if (type === "delete") {
    pods.delete(keyOf(pod));
    assert.equal(state.removePod(keyOf(pod)), true);
    return;
  }
  const deletionTimestamp = "2025-01-01T00:00:00Z";
  const next = type === "see" ? pod : { ...pod, metadata: { ...pod.metadata, deletionTimestamp } };
  pods.set(keyOf(next), next);
  state.setPod(next);
}

test("schedulePod breaks no rule, finds a node if there is one, and decides as if from scratch", () => {
  fc.assert(
    fc.property(commands, ([first, further]) => {
      const model: Model = { nodes: new Map(), pods: new Map() };
      const state = clusterOf(asCluster(model));
      for (const one of [...first, ...further]) {
        run(one, model, state);
        assert.deepEqual(describeNodes(state), describeNodes(clusterOf(asCluster(model))));
      }
    }),
    { numRuns: 300 },
  );
});
