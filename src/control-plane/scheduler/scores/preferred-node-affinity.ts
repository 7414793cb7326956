/** Preferred node affinity: the weights of the terms that a node matches. */
import { relativeToLargest, type Score } from "./score.ts";

export const preferredNodeAffinity: Score = {
  name: "NodeAffinity",
  weight: 2,
  rate({ nodeAffinity: { preferred } }, nodes) {
    if (preferred.length === 0) return undefined;
    return relativeToLargest(
      nodes.map((node) => preferred.reduce((sum, { weight, matches }) => (matches(node) ? sum + weight : sum), 0)),
    );
  },
};
