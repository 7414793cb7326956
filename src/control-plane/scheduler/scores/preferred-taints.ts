/** Prefers nodes with fewer taints PreferNoSchedule that the pod does not bear. */
import { tolerates } from "#api/kinds/pod/toleration.ts";
import { MAX_SCORE, relativeToLargest, type Score } from "./score.ts";

export const preferredTaints: Score = {
  name: "TaintToleration",
  weight: 3,
  rate({ pod }, nodes) {
    const { tolerations = [] } = pod.spec;
    const counts = nodes.map(
      ({ taints }) =>
        taints.filter(
          (taint) => taint.effect === "PreferNoSchedule" && !tolerations.some((one) => tolerates(one, taint)),
        ).length,
    );
    return relativeToLargest(counts)?.map((score) => MAX_SCORE - score);
  },
};
