/** A node with what its pods use of it. Pods can be known before their node is, and stay when it has gone. */
import type { Node } from "#api/kinds/node.ts";
import { addTo, amountsOf, subtractFrom } from "../pod/amounts.ts";
import { type MutableUsedPorts, releasePort, takePort } from "../pod/host-ports.ts";
import type { PodDemand } from "../pod/pod-demand.ts";
import type { NodeState } from "../snapshot.ts";

type Facts = Pick<NodeState, "labels" | "topology" | "taints" | "isUnschedulable" | "allocatable">;

export type MutableNodeState = { -readonly [K in keyof NodeState]: NodeState[K] } & {
  readonly used: Map<string, number>;
  readonly usuallyUsed: Map<string, number>;
  readonly ports: MutableUsedPorts;
  /** False while only pods say that there is such a node. */
  isKnown: boolean;
};

const UNKNOWN: Facts = { labels: {}, topology: new Map(), taints: [], isUnschedulable: false, allocatable: new Map() };

export function createNodeState(name: string): MutableNodeState {
  return {
    name,
    isKnown: false,
    used: new Map(),
    usuallyUsed: new Map(),
    podCount: 0,
    ports: new Map(),
    ...UNKNOWN,
  };
}

export function learnNode(state: MutableNodeState, { metadata, spec, status }: Node): void {
  const { labels = {} } = metadata;
  state.isKnown = true;
  state.labels = labels;
  state.topology = new Map(Object.entries(labels));
  state.taints = spec?.taints ?? [];
  state.isUnschedulable = spec?.unschedulable ?? false;
  state.allocatable = amountsOf(status?.allocatable);
}

export function forgetNode(state: MutableNodeState): void {
  Object.assign(state, UNKNOWN, { isKnown: false });
}

export function addPod(state: MutableNodeState, { requests, usualRequests, ports }: PodDemand): void {
  addTo(state.used, requests);
  addTo(state.usuallyUsed, usualRequests);
  for (const port of ports) takePort(state.ports, port);
  state.podCount++;
}

export function removePod(state: MutableNodeState, { requests, usualRequests, ports }: PodDemand): void {
  subtractFrom(state.used, requests);
  subtractFrom(state.usuallyUsed, usualRequests);
  for (const port of ports) releasePort(state.ports, port);
  state.podCount--;
}
