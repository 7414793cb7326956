/**
 * What a pod, the control plane and the pod's kubelet say to each other when it is deleted and may only end once no node
 * sends anybody to it any more. See docs/decisions/0029. Pure.
 */
import type { Pod } from "../kinds/pod/pod.ts";
import type { PodCondition } from "../kinds/pod/pod-status.ts";

/** Of pods that want it, with the value "programmed". */
export const DRAIN_ANNOTATION = "service.podwire.io/drain";
export const DRAIN_PROGRAMMED = "programmed";
/** True: every ready node has the EndpointSlices in which the pod serves no more in its kernel. */
export const DRAINED = "service.podwire.io/Drained";

/** Of the grace period; the rest is for preStop and for the containers themselves. */
const SHARE = 0.5;
/** Times of the API have no fractions. */
const ROUNDED_MS = 1000;

export function findDrained({ status }: Pod): PodCondition | undefined {
  return status?.conditions?.find(({ type }) => type === DRAINED);
}

/**
 * When a deleted pod is stopped whatever nodes have, in milliseconds since 1970; undefined: it waits for nobody.
 * `seenMs` is when its deletion was seen: by another clock than the API's, or by a process that was started since.
 */
export function drainUntilMs({ metadata }: Pod, seenMs: number): number | undefined {
  const { annotations, deletionTimestamp, deletionGracePeriodSeconds: graceSeconds = 0 } = metadata;
  if (annotations?.[DRAIN_ANNOTATION] !== DRAIN_PROGRAMMED) return undefined;
  if (deletionTimestamp === undefined || graceSeconds === 0) return undefined;
  const deletedMs = Date.parse(deletionTimestamp) - graceSeconds * 1000 + ROUNDED_MS;
  return Math.min(deletedMs, seenMs) + graceSeconds * 1000 * SHARE;
}
