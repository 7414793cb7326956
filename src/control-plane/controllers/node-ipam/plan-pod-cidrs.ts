/** The ranges of pod addresses of a node. Source: Kubernetes API reference, core/v1 NodeSpec (podCIDR, podCIDRs). */

import { findPrefix } from "#api/kinds/network/address.ts";
import type { Node } from "#api/kinds/node.ts";
import { formatPrefix, type Prefix } from "#base/ip-address.ts";
import type { SubnetAllocator } from "../../allocation/subnet-allocator.ts";

export type PodCidrPlan =
  | { readonly type: "none" }
  /** In the order of the cluster's ranges. */
  | { readonly type: "assign"; readonly podCIDRs: readonly string[] }
  | { readonly type: "unavailable" };

/** As they are stored. Once there are any, they never change. */
export function podCidrsOf({ spec = {} }: Node): readonly string[] {
  const { podCIDR = "", podCIDRs = [] } = spec;
  if (podCIDRs.length > 0) return podCIDRs;
  return podCIDR === "" ? [] : [podCIDR];
}

/** Takes a range of each family for a node without any; all or none. */
export function planPodCidrs(node: Node, allocators: readonly SubnetAllocator[]): PodCidrPlan {
  const { uid = "", deletionTimestamp } = node.metadata;
  if (podCidrsOf(node).length > 0 || allocators.length === 0 || deletionTimestamp !== undefined)
    return { type: "none" };
  const subnets = allocators.flatMap((allocator) => allocator.assign(uid) ?? []);
  if (subnets.length === allocators.length) return { type: "assign", podCIDRs: subnets.map(formatPrefix) };
  for (const allocator of allocators) allocator.release(uid);
  return { type: "unavailable" };
}

/** Remembers what a node has. Gives those of its ranges that are none of the cluster's. */
export function occupyPodCidrs(node: Node, allocators: readonly SubnetAllocator[]): readonly string[] {
  const { uid = "" } = node.metadata;
  return podCidrsOf(node).filter((text) => {
    const subnet: Prefix | undefined = findPrefix(text);
    const allocator = allocators.find(({ family }) => family === subnet?.family);
    return subnet === undefined || allocator === undefined || !allocator.occupy(uid, subnet);
  });
}
