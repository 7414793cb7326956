/**
 * What controllers ask of a pod: does it still count, is it ready, since when, and is that long enough.
 * Source: Kubernetes documentation, "Pod Lifecycle" (phases, conditions) and "Deployments" (minReadySeconds).
 */
import type { KubeObject } from "#api/kind.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { PodCondition } from "#api/kinds/pod/pod-status.ts";

export function isTerminating({ metadata }: Pick<KubeObject, "metadata">): boolean {
  return metadata.deletionTimestamp !== undefined;
}

/** True when it has ended and will not start again. */
export function isPodFinished({ status }: Pod): boolean {
  return status?.phase === "Succeeded" || status?.phase === "Failed";
}

/** True for a pod that takes the place of a wanted one. */
export function isPodActive(pod: Pod): boolean {
  return !isPodFinished(pod) && !isTerminating(pod);
}

export function findCondition({ status }: Pod, type: string): PodCondition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

export function isPodReady(pod: Pod): boolean {
  return findCondition(pod, "Ready")?.status === "True";
}

/** In milliseconds; undefined when it is not ready. */
export function readySince(pod: Pod): number | undefined {
  const ready = findCondition(pod, "Ready");
  if (ready?.status !== "True" || ready.lastTransitionTime === undefined) return undefined;
  return Date.parse(ready.lastTransitionTime);
}

/** Ready for at least `minReadySeconds`. */
export function isPodAvailable(pod: Pod, minReadySeconds: number | undefined, now: Date): boolean {
  if (!isPodReady(pod)) return false;
  return untilAvailableMs(pod, minReadySeconds, now) === 0;
}

/** How long until the first ready pod becomes available that is not yet; undefined when there is none. */
export function nextAvailableMs(
  pods: readonly Pod[],
  minReadySeconds: number | undefined,
  now: Date,
): number | undefined {
  if ((minReadySeconds ?? 0) === 0) return undefined;
  const waits = pods
    .filter((pod) => isPodActive(pod) && isPodReady(pod))
    .map((pod) => untilAvailableMs(pod, minReadySeconds, now))
    .filter((wait) => wait > 0 && wait < Number.POSITIVE_INFINITY);
  return waits.length === 0 ? undefined : Math.min(...waits);
}

/** Of a ready pod. Without a time of readiness it never becomes available, unless it need not wait. */
function untilAvailableMs(pod: Pod, minReadySeconds = 0, now: Date): number {
  if (minReadySeconds === 0) return 0;
  const since = readySince(pod);
  if (since === undefined) return Number.POSITIVE_INFINITY;
  return Math.max(0, since + minReadySeconds * 1000 - now.getTime());
}
