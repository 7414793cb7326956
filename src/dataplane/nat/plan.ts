/** From what attachments want to elements of the NAT table's maps, and from two sets of elements to the difference. Pure. */
import { createHash } from "node:crypto";
import {
  addressBytes,
  type Family,
  familyOf,
  networkOf,
  type Prefix,
  parseAddress,
  parsePrefix,
} from "#base/ip-address.ts";
import type { Attachment } from "#cni/plugin.ts";
import { concat } from "#kernel/nfnetlink/data-type.ts";
import type { NftSetElement } from "#kernel/nfnetlink/set-element.ts";
import type { HostPort, HostPortProtocol, Masquerade, NatState } from "./nat-state.ts";
import { FAMILIES, natMaps, SNAT_ALL, type SubnetChainKind, subnetChainName } from "./nat-table.ts";

/** An element of one of the maps. `comment` says whose it is. */
export interface NatElement extends NftSetElement {
  readonly set: string;
  readonly key: Uint8Array;
  readonly comment: string;
  /** The chain of a subnet that the element leads to. */
  readonly subnetChain?: { readonly kind: SubnetChainKind; readonly subnet: Prefix };
  /** What was asked for when this element was planned. */
  readonly wanted: Masquerade | HostPort;
}

/** IPPROTO_ numbers, include/uapi/linux/in.h */
export const PROTOCOL_NUMBERS: Readonly<Record<HostPortProtocol, number>> = { tcp: 6, udp: 17, sctp: 132 };

/** nft prints comments of up to 128 bytes with the NUL (NFTNL_UDATA_COMMENT_MAXLEN). */
const MAX_COMMENT_BYTES = 127;

/** The comment of all elements of one attachment; a name that is too long is replaced by its hash. */
export function ownerComment({ network, containerId, ifname }: Attachment): string {
  const owner = `${network}/${containerId}/${ifname}`;
  return Buffer.byteLength(owner) <= MAX_COMMENT_BYTES ? owner : createHash("sha256").update(owner).digest("hex");
}

/** Each element once: one port on several addresses of the node has one element for the source. */
export function planElements(comment: string, { masquerades, hostPorts }: NatState): readonly NatElement[] {
  const elements = [
    ...masquerades.map((masquerade) => planMasquerade(comment, masquerade)),
    ...hostPorts.flatMap((hostPort) => planHostPort(comment, hostPort)),
  ];
  return [...new Map(elements.map((element) => [elementId(element), element])).values()];
}

function planMasquerade(comment: string, wanted: Masquerade): NatElement {
  const address = parseAddress(wanted.address);
  const subnet = networkOf(parsePrefix(wanted.subnet));
  return {
    set: natMaps(familyOf(address)).masq.set,
    key: addressBytes(address),
    data: { verdict: "goto", chain: subnetChainName("masq", subnet) },
    comment,
    subnetChain: { kind: "masq", subnet },
    wanted,
  };
}

function planHostPort(comment: string, wanted: HostPort): readonly NatElement[] {
  const pod = parseAddress(wanted.address);
  const family: Family = familyOf(pod);
  const maps = natMaps(family);
  const port = portKey(wanted);
  const data = concat(addressBytes(pod), portBytes(wanted.containerPort));
  const entry =
    wanted.hostIp === undefined
      ? { set: maps.hostPorts.set, key: port, data }
      : { set: maps.hostIpPorts.set, key: concat(addressBytes(parseAddress(wanted.hostIp)), port), data };
  const elements: NatElement[] = [{ ...entry, comment, wanted }];
  if (wanted.snat === "none") return elements;
  const subnet = networkOf(parsePrefix(wanted.subnet));
  const isAll = wanted.snat === "all";
  elements.push({
    set: maps.hostPortSnat.set,
    key: concat(addressBytes(pod), port),
    data: { verdict: "goto", chain: isAll ? SNAT_ALL : subnetChainName("hairpin", subnet) },
    comment,
    ...(!isAll && { subnetChain: { kind: "hairpin", subnet } }),
    wanted,
  });
  return elements;
}

/** Key of the port on all addresses, and the end of its key on one address. */
export function portKey({ protocol, hostPort }: Pick<HostPort, "protocol" | "hostPort">): Uint8Array {
  return concat(Uint8Array.of(PROTOCOL_NUMBERS[protocol]), portBytes(hostPort));
}

/** An element that claims a host port. */
export interface HostPortClaim extends NatElement {
  readonly wanted: HostPort;
}

/** Its key holds no address of the pod. */
export function isHostPortClaim(element: NatElement): element is HostPortClaim {
  const { set, wanted } = element;
  return "hostPort" in wanted && !FAMILIES.some((family) => natMaps(family).hostPortSnat.set === set);
}

/** Identity of an element: its map and key. */
export function elementId({ set, key }: { readonly set: string; readonly key: Uint8Array }): string {
  return `${set} ${Buffer.from(key.buffer, key.byteOffset, key.length).toString("hex")}`;
}

/** `10.1.0.5` or `tcp 8080 → 10.1.0.5:80`, for messages. */
export function describeWanted(wanted: Masquerade | HostPort): string {
  if (!("hostPort" in wanted)) return `masquerade of ${wanted.address}`;
  const host = wanted.hostIp === undefined ? "" : `${wanted.hostIp} `;
  return `host port ${host}${wanted.hostPort}/${wanted.protocol} to ${wanted.address} port ${wanted.containerPort}`;
}

function portBytes(port: number): Uint8Array {
  return Uint8Array.of(port >> 8, port & 0xff);
}
