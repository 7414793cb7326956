/**
 * The bridge of this node's pods, as far as pods that are there need it: the bridge plugin makes it with the first pod,
 * and whoever deletes it takes the others' gateway away. Pure.
 */
import { addressToBigInt, bigIntToAddress, formatPrefix, networkOf, type Prefix } from "#base/ip-address.ts";
import { isJsonObject } from "#base/json.ts";
import type { MacAddress } from "#base/mac-address.ts";
import type { Address } from "#kernel/rtnetlink/address.ts";
import type { Link } from "#kernel/rtnetlink/link.ts";
import type { LedgerRecord } from "../ledger.ts";

/** The bridge plugin's default. */
export const BRIDGE = "cni0";

/** A pod's link on the node's side. */
export interface BridgePortWish {
  readonly link: string;
  readonly hairpin: boolean;
}

export interface BridgeWishes {
  readonly ports: readonly BridgePortWish[];
  /** Of this node's pods. */
  readonly podPrefixes: readonly Prefix[];
  readonly mtuBytes: number;
  /** What pods know as their gateway's: the bridge's last one. */
  readonly mac: MacAddress | undefined;
}

export interface ObservedBridge {
  readonly links: readonly Link[];
  readonly addresses: readonly Address[];
}

export type BridgeOperation =
  | { readonly do: "create bridge"; readonly mtuBytes: number; readonly mac: MacAddress | undefined }
  | { readonly do: "add port"; readonly link: string; readonly hairpin: boolean }
  | { readonly do: "add address"; readonly prefix: Prefix }
  | { readonly do: "set up" };

export function describeBridgeOperation(operation: BridgeOperation): string {
  switch (operation.do) {
    case "create bridge":
      return `link add "${BRIDGE}" type bridge`;
    case "add port":
      return `link set "${operation.link}" master "${BRIDGE}"`;
    case "add address":
      return `address add ${formatPrefix(operation.prefix)} dev "${BRIDGE}"`;
    case "set up":
      return `link set "${BRIDGE}" up`;
  }
}

export function planBridge(wishes: BridgeWishes, { links, addresses }: ObservedBridge): readonly BridgeOperation[] {
  const ports = wishes.ports.filter(({ link }) => links.some(({ name }) => name === link));
  if (ports.length === 0) return [];
  const bridge = links.find(({ name }) => name === BRIDGE);
  // Somebody's link of another kind: the plugin says so with the next pod.
  if (bridge !== undefined && bridge.kind?.type !== "bridge") return [];
  const present = addresses
    .filter(({ ifindex }) => ifindex === bridge?.ifindex)
    .map(({ prefix }) => formatPrefix(prefix));
  const masterOf = (name: string): number | undefined => links.find((link) => link.name === name)?.master;
  return [
    ...(bridge ? [] : [{ do: "create bridge", mtuBytes: wishes.mtuBytes, mac: wishes.mac } as const]),
    ...ports
      .filter(({ link }) => bridge === undefined || masterOf(link) !== bridge.ifindex)
      .map((port) => ({ do: "add port", ...port }) as const),
    ...wishes.podPrefixes
      .map(gatewayOf)
      .filter((prefix) => !present.includes(formatPrefix(prefix)))
      .map((prefix) => ({ do: "add address", prefix }) as const),
    ...(bridge?.up ? [] : [{ do: "set up" } as const]),
  ];
}

/** What attachments of the flannel plugin have on the bridge. */
export function bridgePorts(records: readonly LedgerRecord[]): readonly BridgePortWish[] {
  return records.flatMap(({ plugin, phase, facts, config }) => {
    const link = facts?.hostLink;
    if (plugin !== "flannel" || phase !== "added" || link === undefined) return [];
    const delegate = isJsonObject(config["delegate"]) ? config["delegate"] : {};
    const { type = "bridge", bridge = BRIDGE, hairpinMode, vlan = 0 } = delegate;
    return type === "bridge" && bridge === BRIDGE && vlan === 0 ? [{ link, hairpin: hairpinMode === true }] : [];
  });
}

/** The first usable address: the bridge's, as subnet.env says it. */
function gatewayOf(podPrefix: Prefix): Prefix {
  const { family, address, length } = networkOf(podPrefix);
  return { family, address: bigIntToAddress(family, addressToBigInt(address) + 1n), length };
}
