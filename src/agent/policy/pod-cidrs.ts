/** Where a node's pods have their addresses. What cannot be read counts as absent. Pure. */
import type { Node } from "#api/kinds/node.ts";
import { AddressError, networkOf, type Prefix, parsePrefix } from "#base/ip-address.ts";

export function podCidrsOf(node: Pick<Node, "spec"> | undefined): readonly Prefix[] {
  const { podCIDRs, podCIDR } = node?.spec ?? {};
  return (podCIDRs ?? (podCIDR === undefined ? [] : [podCIDR])).flatMap(readPrefix);
}

function readPrefix(text: string): readonly Prefix[] {
  try {
    return [networkOf(parsePrefix(text))];
  } catch (error) {
    if (error instanceof AddressError) return [];
    throw error;
  }
}
