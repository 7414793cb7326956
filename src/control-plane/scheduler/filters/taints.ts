/** Taints NoSchedule and NoExecute keep pods away that do not bear them. The first one is named. */
import { tolerates } from "#api/kinds/pod/toleration.ts";
import type { Filter } from "./filter.ts";

export const taints: Filter = {
  name: "TaintToleration",
  helpedBy: ["NodeAdded", "NodeTaints"],
  prepare({ pod }) {
    const { tolerations = [] } = pod.spec;
    return (node) => {
      const taint = node.taints.find(
        (one) => one.effect !== "PreferNoSchedule" && !tolerations.some((toleration) => tolerates(toleration, one)),
      );
      return taint && [`node(s) had untolerated taint {${taint.key}: ${taint.value ?? ""}}`];
    };
  },
};
