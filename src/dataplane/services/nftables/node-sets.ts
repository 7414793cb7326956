/** The sets of the table that belong to the node: prefixes as the ranges that the kernel keeps. */
import {
  addressBytes,
  type Family,
  formatPrefix,
  lastAddress,
  networkOf,
  overlaps,
  type Prefix,
  parsePrefix,
} from "#base/ip-address.ts";
import { intervalElements, type NftSetElement } from "#kernel/nfnetlink/set-element.ts";
import type { ServiceProxyNode } from "../contract.ts";
import { FAMILIES, nodeSets } from "./service-table.ts";

/** All addresses but loopback's: 127.0.0.0/8 and ::1, with what lies below. */
const ALL_BUT_LOOPBACK: Readonly<Record<Family, readonly (readonly [string, string])[]>> = {
  4: [
    ["0.0.0.0/32", "126.255.255.255/32"],
    ["128.0.0.0/32", "255.255.255.255/32"],
  ],
  6: [["::2/128", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"]],
};
const LOOPBACK: Readonly<Record<Family, Prefix>> = { 4: parsePrefix("127.0.0.0/8"), 6: parsePrefix("::/127") };

/** Elements by set, in the order of their keys. */
export function nodeElements(node: ServiceProxyNode): ReadonlyMap<string, readonly NftSetElement[]> {
  return new Map(
    FAMILIES.flatMap((family): readonly (readonly [string, readonly NftSetElement[]])[] => {
      const sets = nodeSets(family);
      return [
        [sets.podNetworks, prefixElements(node.podNetworks, family)],
        [sets.nodePods, prefixElements(node.nodePods, family)],
        [sets.serviceNetworks, prefixElements(node.serviceNetworks, family)],
        [sets.nodePortAddresses, nodePortElements(node.nodePortAddresses, family)],
      ];
    }),
  );
}

/** A family of which no prefix is given has all of its addresses, as with kube-proxy's --nodeport-addresses. */
function nodePortElements(prefixes: readonly Prefix[], family: Family): readonly NftSetElement[] {
  const given = prefixes.filter((prefix) => prefix.family === family);
  const outside = given.filter((prefix) => !overlaps(prefix, LOOPBACK[family]));
  const isAll = given.length === 0 || given.some(({ length }) => length === 0);
  if (!isAll) return prefixElements(outside, family);
  return ALL_BUT_LOOPBACK[family].flatMap(([from, to]) =>
    intervalElements(addressBytes(parsePrefix(from).address), addressBytes(parsePrefix(to).address)),
  );
}

/** The kernel refuses ranges that overlap: what lies in another prefix is left out. */
function prefixElements(prefixes: readonly Prefix[], family: Family): readonly NftSetElement[] {
  const networks = new Map(
    prefixes
      .filter((prefix) => prefix.family === family)
      .map((prefix) => [formatPrefix(networkOf(prefix)), networkOf(prefix)]),
  );
  const outer = [...networks.values()].filter(
    (prefix) => ![...networks.values()].some((other) => other.length < prefix.length && overlaps(other, prefix)),
  );
  return outer.flatMap((prefix) => intervalElements(addressBytes(prefix.address), addressBytes(lastAddress(prefix))));
}
