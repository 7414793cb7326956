/**
 * Which pods go first when there are too many: those that would be missed least. Source: Kubernetes documentation,
 * "ReplicaSet" (scaling down, pod deletion cost); ages are compared on a logarithmic scale, so that pods of about
 * the same age go in no particular order.
 */
import type { Pod } from "#api/kinds/pod/pod.ts";
import { isPodReady, readySince } from "./pod-state.ts";

const DELETION_COST = "controller.kubernetes.io/pod-deletion-cost";
const NANOSECONDS_PER_MILLISECOND = 1_000_000;
const PHASES: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

export interface RankOptions {
  readonly now: Date;
  /** Number of like pods on its node; pods that are doubled up go first. */
  doubledUp?(pod: Pod): number;
}

/** The first of them goes first. */
export function rankForDeletion(pods: readonly Pod[], { now, doubledUp = () => 0 }: RankOptions): readonly Pod[] {
  return pods.toSorted((a, b) => {
    const isReady = isPodReady(a) && isPodReady(b);
    return (
      Number(isAssigned(a)) - Number(isAssigned(b)) ||
      phaseOf(a) - phaseOf(b) ||
      Number(isPodReady(a)) - Number(isPodReady(b)) ||
      deletionCost(a) - deletionCost(b) ||
      doubledUp(b) - doubledUp(a) ||
      (isReady ? compareAges(readySince(a), readySince(b), now) : 0) ||
      restartsOf(b) - restartsOf(a) ||
      compareAges(createdAt(a), createdAt(b), now) ||
      compareText(a.metadata.uid ?? "", b.metadata.uid ?? "")
    );
  });
}

/** A function for `doubledUp`: how many of the related pods that are not gone are on the pod's node. */
export function countByNode(related: readonly Pod[]): (pod: Pod) => number {
  const counts = new Map<string, number>();
  for (const { spec } of related) {
    if (spec.nodeName !== undefined) counts.set(spec.nodeName, (counts.get(spec.nodeName) ?? 0) + 1);
  }
  return ({ spec }) => counts.get(spec.nodeName ?? "") ?? 0;
}

function isAssigned({ spec }: Pod): boolean {
  return (spec.nodeName ?? "") !== "";
}

function phaseOf({ status }: Pod): number {
  return PHASES[status?.phase ?? "Pending"] ?? 0;
}

function deletionCost({ metadata }: Pod): number {
  const text = metadata.annotations?.[DELETION_COST] ?? "";
  return /^-?[0-9]+$/.test(text) ? Number(text) : 0;
}

function createdAt({ metadata }: Pod): number | undefined {
  return metadata.creationTimestamp === undefined ? undefined : Date.parse(metadata.creationTimestamp);
}

function restartsOf({ status }: Pod): number {
  return Math.max(0, ...(status?.containerStatuses ?? []).map(({ restartCount }) => restartCount));
}

/** The younger first, unless both are of the same order of magnitude. Without a time it is the youngest. */
function compareAges(a: number | undefined, b: number | undefined, now: Date): number {
  return magnitude(a, now) - magnitude(b, now);
}

function magnitude(since: number | undefined, now: Date): number {
  const age = since === undefined ? 0 : now.getTime() - since;
  return age <= 0 ? -1 : Math.floor(Math.log2(age * NANOSECONDS_PER_MILLISECOND));
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
