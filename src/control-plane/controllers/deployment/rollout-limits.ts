/**
 * How many pods a rolling update may add, and how many may be missing. Source: Kubernetes documentation,
 * "Deployments" (max unavailable, max surge): shares are rounded down for the first and up for the second, and when
 * both come to nothing, one pod may be missing.
 */
import type { Deployment } from "#api/kinds/deployment.ts";
import { resolvePodCount } from "../workload/pod-count.ts";

export interface RolloutLimits {
  readonly maxSurge: number;
  readonly maxUnavailable: number;
}

export function rolloutLimits({ spec: { replicas = 0, strategy } }: Deployment): RolloutLimits {
  if (strategy?.type === "Recreate" || replicas === 0) return { maxSurge: 0, maxUnavailable: 0 };
  const maxSurge = resolvePodCount(strategy?.rollingUpdate?.maxSurge, replicas, "up");
  const maxUnavailable = resolvePodCount(strategy?.rollingUpdate?.maxUnavailable, replicas, "down");
  if (maxSurge === 0 && maxUnavailable === 0) return { maxSurge, maxUnavailable: 1 };
  return { maxSurge, maxUnavailable: Math.min(maxUnavailable, replicas) };
}
