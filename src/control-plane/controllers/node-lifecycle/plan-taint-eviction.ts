/**
 * When a pod has to leave its node: at once when a NoExecute taint is not tolerated, else when the shortest
 * toleration ends. Source: Kubernetes documentation, "Taints and Tolerations" (tolerationSeconds).
 */
import type { Node } from "#api/kinds/node.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import { type Taint, tolerates } from "#api/kinds/pod/toleration.ts";

export interface ExecutingTaint {
  readonly taint: Taint;
  readonly since: Date;
}

export function executingTaints({ spec }: Node): readonly Taint[] {
  return (spec?.taints ?? []).filter(({ effect }) => effect === "NoExecute");
}

/** undefined: it may stay. A time in the past means now. */
export function planTaintEviction(pod: Pod, taints: readonly ExecutingTaint[]): Date | undefined {
  const { deletionTimestamp } = pod.metadata;
  const { phase } = pod.status ?? {};
  if (deletionTimestamp !== undefined || phase === "Succeeded" || phase === "Failed") return undefined;
  const ends = taints.flatMap(({ taint, since }) => {
    const start = Math.max(since.getTime(), boundAt(pod));
    const toleration = pod.spec.tolerations?.find((one) => tolerates(one, taint));
    if (toleration === undefined) return [start];
    const { tolerationSeconds } = toleration;
    return tolerationSeconds === undefined ? [] : [start + Math.max(0, tolerationSeconds) * 1000];
  });
  return ends.length === 0 ? undefined : new Date(Math.min(...ends));
}

/** Who comes to a node that is tainted already gets his full time. */
function boundAt({ metadata, status }: Pod): number {
  const scheduled = status?.conditions?.find(({ type, status: value }) => type === "PodScheduled" && value === "True");
  const time = scheduled?.lastTransitionTime ?? status?.startTime ?? metadata.creationTimestamp;
  return time === undefined ? 0 : Date.parse(time);
}
