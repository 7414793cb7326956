/** Cordoned nodes take no new pods, but of those that bear the taint of cordoned nodes. */
import { type Taint, tolerates } from "#api/kinds/pod/toleration.ts";
import type { Filter } from "./filter.ts";

const REASON = ["node(s) were unschedulable"];
const CORDONED: Taint = { key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" };

export const nodeUnschedulable: Filter = {
  name: "NodeUnschedulable",
  helpedBy: ["NodeAdded", "NodeTaints"],
  prepare({ pod }) {
    if ((pod.spec.tolerations ?? []).some((toleration) => tolerates(toleration, CORDONED))) return undefined;
    return ({ isUnschedulable }) => (isUnschedulable ? REASON : undefined);
  },
};
