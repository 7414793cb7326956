/** Prefers nodes whose cpu and memory are used to similar parts. Pods that ask for neither have no wish here. */
import { MAX_SCORE, type Score } from "./score.ts";

export const balancedAllocation: Score = {
  name: "NodeResourcesBalancedAllocation",
  weight: 1,
  rate({ requests }, nodes) {
    if (!requests.has("cpu") && !requests.has("memory")) return undefined;
    return nodes.map(({ allocatable, used }) => {
      const partOf = (name: string): number => {
        const total = allocatable.get(name) ?? 0;
        return total === 0 ? 0 : Math.min(1, ((used.get(name) ?? 0) + (requests.get(name) ?? 0)) / total);
      };
      // The standard deviation of two numbers.
      return Math.floor((1 - Math.abs(partOf("cpu") - partOf("memory")) / 2) * MAX_SCORE);
    });
  },
};
