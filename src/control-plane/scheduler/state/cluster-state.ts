/**
 * The snapshot, kept up to date: by events of nodes, pods and namespaces, and by the scheduler itself, which takes a
 * pod to be on its node from the decision on, until the binding is seen or has failed.
 */
import type { Namespace } from "#api/kinds/namespace.ts";
import type { Node } from "#api/kinds/node.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { Labels } from "#api/selectors/label-requirement.ts";
import { labelSelectorMatcher } from "#api/selectors/label-selector.ts";
import { keyOf } from "#api-client/object-cache.ts";
import { demandOf, type PodDemand } from "../pod/pod-demand.ts";
import type { NodeState, Snapshot } from "../snapshot.ts";
import { addPod, createNodeState, forgetNode, learnNode, type MutableNodeState, removePod } from "./node-state.ts";
import { createPodCounters } from "./pod-counters.ts";
import { createSiblings, type Siblings } from "./siblings.ts";
import { createTermIndex } from "./term-index.ts";

export interface ClusterState extends Snapshot {
  setNode(node: Node): void;
  removeNode(name: string): void;
  setNamespace(namespace: Namespace): void;
  removeNamespace(name: string): void;
  /** A pod that is on a node, or has changed there. Replaces what was assumed of it. */
  setPod(pod: Pod): void;
  /** `key`: namespace/name. True when it was on a node. */
  removePod(key: string): boolean;
  /** From the decision on. */
  assume(pod: Pod, nodeName: string): void;
  isAssumed(key: string): boolean;
  /** The binding has failed. Does nothing, and gives false, when the pod has been seen on a node or is another one. */
  forget(pod: Pod): boolean;
  readonly services: Pick<Siblings, "setService" | "removeService">;
  readonly owners: Pick<Siblings, "setOwner" | "removeOwner">;
}

interface PlacedPod {
  readonly demand: PodDemand;
  readonly node: MutableNodeState;
  readonly isAssumed: boolean;
}

export function createClusterState(): ClusterState {
  const states = new Map<string, MutableNodeState>();
  const pods = new Map<string, PlacedPod>();
  const namespaces = new Map<string, Labels>();
  const counters = createPodCounters();
  const antiAffinity = createTermIndex();
  const preferences = createTermIndex();
  const siblings = createSiblings();
  let nodes: readonly NodeState[] | undefined;

  function stateOf(name: string): MutableNodeState {
    const state = states.get(name) ?? createNodeState(name);
    states.set(name, state);
    return state;
  }

  function dropIfUnused(state: MutableNodeState): void {
    if (!state.isKnown && state.podCount === 0) states.delete(state.name);
  }

  function index({ demand, node }: PlacedPod, change: 1 | -1): void {
    const { namespace, labels, pod, terms } = demand;
    const isTerminating = pod.metadata.deletionTimestamp !== undefined;
    counters.change({ namespace, labels, isTerminating }, node, change);
    for (const term of terms.requiredAntiAffinity) antiAffinity.change({ term, weight: 0 }, node, change);
    for (const term of terms.requiredAffinity) preferences.change({ term, weight: 1 }, node, change);
    for (const wish of terms.preferred) preferences.change(wish, node, change);
  }

  function place(pod: Pod, nodeName: string, isAssumed: boolean): void {
    const placed: PlacedPod = { demand: demandOf(pod), node: stateOf(nodeName), isAssumed };
    remove(keyOf(pod));
    // Removing another pod of this name may have dropped the node.
    states.set(nodeName, placed.node);
    pods.set(keyOf(pod), placed);
    addPod(placed.node, placed.demand);
    index(placed, 1);
  }

  function remove(key: string): boolean {
    const placed = pods.get(key);
    if (placed === undefined) return false;
    pods.delete(key);
    removePod(placed.node, placed.demand);
    index(placed, -1);
    dropIfUnused(placed.node);
    return true;
  }

  return {
    get nodes() {
      nodes ??= [...states.values()].filter(({ isKnown }) => isKnown).sort(byName);
      return nodes;
    },
    findNode(name) {
      const state = states.get(name);
      return state?.isKnown === true ? state : undefined;
    },
    countPods: counters.count,
    antiAffinityAbout: antiAffinity.about,
    preferencesAbout: preferences.about,
    namespaceLabels: (name) => namespaces.get(name),
    namespacesMatching(selector) {
      const matches = labelSelectorMatcher(selector);
      return [...namespaces].filter(([, labels]) => matches(labels)).map(([name]) => name);
    },
    siblings: siblings.of,
    setNode(node) {
      const state = stateOf(node.metadata.name ?? "");
      if (!state.isKnown) nodes = undefined;
      learnNode(state, node);
    },
    removeNode(name) {
      const state = states.get(name);
      if (state === undefined) return;
      nodes = undefined;
      forgetNode(state);
      dropIfUnused(state);
    },
    setNamespace: ({ metadata }) => void namespaces.set(metadata.name ?? "", metadata.labels ?? {}),
    removeNamespace: (name) => void namespaces.delete(name),
    setPod: (pod) => place(pod, pod.spec.nodeName ?? "", false),
    removePod: remove,
    assume: (pod, nodeName) => place(pod, nodeName, true),
    isAssumed: (key) => pods.get(key)?.isAssumed === true,
    forget(pod) {
      const placed = pods.get(keyOf(pod));
      const isMeant = placed?.isAssumed === true && placed.demand.pod.metadata.uid === pod.metadata.uid;
      return isMeant && remove(keyOf(pod));
    },
    services: siblings,
    owners: siblings,
  };
}

function byName(a: NodeState, b: NodeState): number {
  return a.name < b.name ? -1 : 1;
}
