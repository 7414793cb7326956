/** Requests must fit into what is allocatable and not yet set aside; every resource that is short is named. */
import type { Filter } from "./filter.ts";

export const nodeResources: Filter = {
  name: "NodeResourcesFit",
  helpedBy: ["NodeAdded", "NodeAllocatable", "PodRemoved"],
  prepare({ requests }) {
    const wanted = [...requests];
    return ({ allocatable, used, podCount }) => {
      const short: string[] = [];
      if (podCount >= (allocatable.get("pods") ?? 0)) short.push("Too many pods");
      for (const [name, amount] of wanted) {
        if (amount > (allocatable.get(name) ?? 0) - (used.get(name) ?? 0)) short.push(`Insufficient ${name}`);
      }
      return short.length === 0 ? undefined : short;
    };
  },
};
