/**
 * How long a Job waits after failed pods: 10 seconds, twice as long after each further one, up to ten minutes, and
 * not at all after a pod has succeeded. Source: Kubernetes documentation, "Jobs" (pod backoff failure policy).
 */
import type { Pod } from "#api/kinds/pod/pod.ts";
import { findCondition } from "../workload/pod-state.ts";

const FIRST_MS = 10_000;
const LAST_MS = 600_000;

/** 0: no longer. */
export function retryWaitMs(pods: readonly Pod[], now: Date): number {
  const endsOf = (phase: string) => pods.filter(({ status }) => status?.phase === phase).map(endedAt);
  const lastSuccess = Math.max(0, ...endsOf("Succeeded"));
  const failures = endsOf("Failed").filter((at) => at > lastSuccess);
  if (failures.length === 0) return 0;
  const delayMs = Math.min(LAST_MS, FIRST_MS * 2 ** Math.min(failures.length - 1, 20));
  return Math.max(0, Math.max(...failures) + delayMs - now.getTime());
}

/** In milliseconds: when its last container ended, or what comes nearest to that. */
function endedAt(pod: Pod): number {
  const ends = (pod.status?.containerStatuses ?? []).flatMap(({ state }) => state?.terminated?.finishedAt ?? []);
  if (ends.length > 0) return Math.max(...ends.map(Date.parse));
  const { deletionTimestamp, creationTimestamp = "" } = pod.metadata;
  return Date.parse(findCondition(pod, "Ready")?.lastTransitionTime ?? deletionTimestamp ?? creationTimestamp);
}
