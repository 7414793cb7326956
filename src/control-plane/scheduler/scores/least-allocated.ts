/** Prefers nodes with more cpu and memory left. Source: Kubernetes documentation, "Resource Bin Packing" (LeastAllocated). */
import { MAX_SCORE, type Score } from "./score.ts";

const RESOURCES = ["cpu", "memory"];

export const leastAllocated: Score = {
  name: "NodeResourcesFit",
  weight: 1,
  rate({ usualRequests }, nodes) {
    return nodes.map(({ allocatable, usuallyUsed }) => {
      let sum = 0;
      let count = 0;
      for (const name of RESOURCES) {
        const total = allocatable.get(name) ?? 0;
        if (total === 0) continue;
        const left = total - (usuallyUsed.get(name) ?? 0) - (usualRequests.get(name) ?? 0);
        sum += left <= 0 ? 0 : Math.floor((left * MAX_SCORE) / total);
        count++;
      }
      return count === 0 ? 0 : Math.floor(sum / count);
    });
  },
};
