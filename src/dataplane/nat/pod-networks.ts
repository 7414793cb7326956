/**
 * Which addresses are pods', for the masquerade of the NAT table: the prefixes of the pod networks and of this node's
 * part of them. Written as a whole in one transaction, so no packet meets half of it.
 */

import type { Prefix } from "#base/ip-address.ts";
import { addressBytes, type Family, formatPrefix, lastAddress, networkOf } from "#base/ip-address.ts";
import { listElements } from "#kernel/nfnetlink/nft-query.ts";
import type { NftOperation } from "#kernel/nfnetlink/operation.ts";
import { intervalElements, type NftSetElement } from "#kernel/nfnetlink/set-element.ts";
import type { NftSocket } from "#kernel/nfnetlink/transaction.ts";
import { damagedChains, ensureFrame } from "./apply.ts";
import { FAMILIES, NAT_TABLE, podNetworkSets } from "./nat-table.ts";

export interface PodNetworks {
  /** Pods of all nodes. */
  readonly networks: readonly Prefix[];
  /** Pods of this node. */
  readonly nodePods: readonly Prefix[];
}

interface WantedSet {
  readonly set: string;
  readonly prefixes: readonly Prefix[];
}

/** Makes it so, the frame too. Answers the sets that differed. */
export function applyPodNetworks(nft: NftSocket, wanted: PodNetworks): readonly string[] {
  ensureFrame(nft);
  const different = differentSets(nft, wanted);
  const operations = different.flatMap(({ set, prefixes }): readonly NftOperation[] => [
    { do: "flush set", set: { ...NAT_TABLE, set } },
    ...(prefixes.length === 0
      ? []
      : [{ do: "add elements", set: { ...NAT_TABLE, set }, elements: prefixes.flatMap(elementsOf) } as const]),
  ]);
  if (operations.length > 0) nft.commit(operations, "write the pod networks of the masquerade");
  return different.map(({ set }) => set);
}

/** What differs, as text: `set "node_pods4" of nft table "inet podwire" is not 10.244.1.0/24`. */
export function podNetworkDrift(nft: NftSocket, wanted: PodNetworks): readonly string[] {
  return [
    ...damagedChains(nft).map((chain) => `chain "${chain}" of nft table "inet podwire" has lost rules`),
    ...differentSets(nft, wanted).map(({ set, prefixes }) => {
      const text = prefixes.map(formatPrefix).join(", ");
      return `set "${set}" of nft table "inet podwire" is not ${text === "" ? "empty" : text}`;
    }),
  ];
}

function differentSets(nft: NftSocket, { networks, nodePods }: PodNetworks): readonly WantedSet[] {
  const ofFamily = (prefixes: readonly Prefix[], family: Family): readonly Prefix[] =>
    prefixes.filter((prefix) => prefix.family === family).map(networkOf);
  return FAMILIES.flatMap((family): readonly WantedSet[] => {
    const sets = podNetworkSets(family);
    return [
      { set: sets.podNetworks.set, prefixes: ofFamily(networks, family) },
      { set: sets.nodePods.set, prefixes: ofFamily(nodePods, family) },
    ];
  }).filter(({ set, prefixes }) => {
    const present = listElements(nft, { ...NAT_TABLE, set })
      .map(describe)
      .toSorted();
    return present.join() !== prefixes.flatMap(elementsOf).map(describe).toSorted().join();
  });
}

function elementsOf(prefix: Prefix): readonly NftSetElement[] {
  return intervalElements(addressBytes(prefix.address), addressBytes(lastAddress(prefix)));
}

function describe({ key, flags }: NftSetElement): string {
  return `${Buffer.from(key ?? []).toString("hex")}${flags?.includes("interval-end") ? " end" : ""}`;
}
