/** nodeSelector and required node affinity. */
import type { Filter } from "./filter.ts";

const REASON = ["node(s) didn't match Pod's node affinity/selector"];
/** For nodes that are not looked at, as the pod names the only ones that it can run on. */
export const NOT_NAMED = ["node(s) didn't satisfy plugin(s) [NodeAffinity]"];

export const nodeAffinity: Filter = {
  name: "NodeAffinity",
  helpedBy: ["NodeAdded", "NodeLabels"],
  prepare({ nodeAffinity: { required } }) {
    return required && ((node) => (required(node) ? undefined : REASON));
  },
};
