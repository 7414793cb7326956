/**
 * Which nodes a DaemonSet's pods belong on. A pod that is there already stays as long as no taint drives it away.
 * Source: Kubernetes documentation, "DaemonSet" (running Pods on select Nodes, taints and tolerations).
 */
import type { DaemonSet } from "#api/kinds/daemon-set.ts";
import type { Node } from "#api/kinds/node.ts";
import type { Taint } from "#api/kinds/pod/toleration.ts";
import { tolerates } from "#api/kinds/pod/toleration.ts";
import { nodeAffinityOf } from "../../scheduler/pod/node-affinity.ts";
import { daemonTolerations } from "./daemon-pod.ts";

export interface Eligibility {
  /** A pod is to be started. */
  readonly shouldRun: boolean;
  /** A pod that is there may stay. */
  readonly mayStay: boolean;
}

/** Compiled once for all nodes. */
export function eligibilityOf({ spec: { template } }: DaemonSet): (node: Node) => Eligibility {
  const { required } = nodeAffinityOf(template.spec);
  const tolerations = daemonTolerations(template.spec);
  const isBorne = (taint: Taint) => tolerations.some((toleration) => tolerates(toleration, taint));
  const fixedName = template.spec.nodeName ?? "";
  return ({ metadata, spec }) => {
    const { name = "", labels = {} } = metadata;
    if (fixedName !== "" && fixedName !== name) return { shouldRun: false, mayStay: false };
    if (required?.({ name, labels }) === false) return { shouldRun: false, mayStay: false };
    const hostile = taintsOf(spec).filter((taint) => taint.effect !== "PreferNoSchedule" && !isBorne(taint));
    return { shouldRun: hostile.length === 0, mayStay: !hostile.some(({ effect }) => effect === "NoExecute") };
  };
}

function taintsOf(spec: Node["spec"]): readonly Taint[] {
  return spec?.taints ?? [];
}
