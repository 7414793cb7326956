/** Which pods are checked: those that run and stay. The others are named with the reason. Pure. */
import { isDeepStrictEqual } from "node:util";
import type { AccessPod } from "#trace/cluster-access.ts";

export interface SkippedPod {
  /** `namespace/name` */
  readonly pod: string;
  /** What is said of it. */
  readonly reason: string;
}

export interface ChosenPods {
  readonly pods: readonly AccessPod[];
  readonly skipped: readonly SkippedPod[];
}

/** Pods that have ended are not mentioned: nobody expects them to answer. */
export function choosePods(all: readonly AccessPod[]): ChosenPods {
  return split(
    all.filter(({ phase }) => phase !== "Succeeded" && phase !== "Failed"),
    whyNot,
  );
}

/** Those of the chosen ones that are still what they were. */
export function stayingPods(chosen: readonly AccessPod[], now: readonly AccessPod[]): ChosenPods {
  const later = new Map(now.map((pod) => [pod.uid, pod]));
  return split(chosen, (pod) => {
    const found = later.get(pod.uid);
    if (found === undefined) return "went away during the check";
    const reason = whyNot(found);
    if (reason !== undefined) return `${reason} since the check began`;
    const isSame = isDeepStrictEqual(found.ips, pod.ips) && [undefined, pod.netnsPath].includes(found.netnsPath);
    return isSame ? undefined : "got another sandbox during the check";
  });
}

function whyNot({ phase = "Running", isBeingDeleted = false }: AccessPod): string | undefined {
  if (isBeingDeleted) return "being deleted";
  return phase === "Running" ? undefined : `its phase is ${phase}`;
}

function split(pods: readonly AccessPod[], why: (pod: AccessPod) => string | undefined): ChosenPods {
  const judged = pods.map((pod) => ({ pod, reason: why(pod) }));
  return {
    pods: judged.flatMap(({ pod, reason }) => (reason === undefined ? [pod] : [])),
    skipped: judged.flatMap(({ pod, reason }) =>
      reason === undefined ? [] : [{ pod: `${pod.namespace}/${pod.name}`, reason }],
    ),
  };
}
