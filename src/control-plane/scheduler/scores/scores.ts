/** All scores, with the weights of Kubernetes. */
import { balancedAllocation } from "./balanced-allocation.ts";
import { leastAllocated } from "./least-allocated.ts";
import { preferredNodeAffinity } from "./preferred-node-affinity.ts";
import { preferredPodAffinity } from "./preferred-pod-affinity.ts";
import { preferredSpread } from "./preferred-spread.ts";
import { preferredTaints } from "./preferred-taints.ts";
import type { Score } from "./score.ts";

export const SCORES: readonly Score[] = [
  preferredTaints,
  preferredNodeAffinity,
  preferredSpread,
  preferredPodAffinity,
  leastAllocated,
  balancedAllocation,
];
