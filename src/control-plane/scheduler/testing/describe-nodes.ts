/** A snapshot's nodes as plain data, to compare. */
import type { Snapshot } from "../snapshot.ts";

export function describeNodes({ nodes }: Snapshot) {
  return nodes.map(({ name, labels, taints, isUnschedulable, allocatable, used, usuallyUsed, podCount, ports }) => ({
    name,
    labels,
    taints,
    isUnschedulable,
    allocatable: Object.fromEntries(allocatable),
    used: Object.fromEntries(used),
    usuallyUsed: Object.fromEntries(usuallyUsed),
    podCount,
    ports: Object.fromEntries([...ports].map(([port, addresses]) => [port, Object.fromEntries(addresses)])),
  }));
}
