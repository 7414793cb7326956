/** A pod that names its node. Pods with a node are not scheduled at all; this is for asking all the same. */
import type { Filter } from "./filter.ts";

const REASON = ["node(s) didn't match the requested node name"];

export const nodeName: Filter = {
  name: "NodeName",
  helpedBy: ["NodeAdded"],
  prepare({ pod }) {
    const { nodeName: wanted = "" } = pod.spec;
    return wanted === "" ? undefined : ({ name }) => (name === wanted ? undefined : REASON);
  },
};
