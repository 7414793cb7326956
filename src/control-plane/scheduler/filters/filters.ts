/** All filters, in the order of Kubernetes: the first one that is against a node gives the reason. */
import type { Filter } from "./filter.ts";
import { hostPorts } from "./host-ports.ts";
import { nodeAffinity } from "./node-affinity.ts";
import { nodeName } from "./node-name.ts";
import { nodeResources } from "./node-resources.ts";
import { nodeUnschedulable } from "./node-unschedulable.ts";
import { podAffinity } from "./pod-affinity.ts";
import { taints } from "./taints.ts";
import { topologySpread } from "./topology-spread.ts";

export const FILTERS: readonly Filter[] = [
  nodeUnschedulable,
  nodeName,
  taints,
  nodeAffinity,
  hostPorts,
  nodeResources,
  topologySpread,
  podAffinity,
];
