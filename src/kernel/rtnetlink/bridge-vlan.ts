/**
 * VLANs of bridge ports and of the bridge itself. Equal to `bridge vlan add | delete | show`.
 * Needs a kernel with CONFIG_BRIDGE_VLAN_FILTERING; others answer EOPNOTSUPP.
 * Source: include/uapi/linux/if_bridge.h, net/bridge/br_netlink.c, Linux 6.1.
 */
import { type Codec, DecodeError, decode, encode, type ValueOf } from "#base/codec/codec.ts";
import { struct } from "#base/codec/struct.ts";
import { u16host, u32host } from "#base/codec/values.ts";
import {
  ATTRIBUTE_HEADER_BYTES,
  align4,
  attribute,
  attributes,
  eachAttribute,
  headerAndAttributes,
  markNested,
  writeAttribute,
} from "../netlink/attributes.ts";
import type { NetlinkSocket } from "../netlink/socket.ts";
import { AF_BRIDGE } from "../syscalls/syscalls.ts";
import { emptyLinkMessage, ifinfomsg, RTM_DELLINK, RTM_GETLINK, RTM_NEWLINK, RTM_SETLINK } from "./link-messages.ts";

const BRIDGE_FLAGS_SELF = 2;
const VLAN_INFO_PVID = 1 << 1;
const VLAN_INFO_UNTAGGED = 1 << 2;
const VLAN_INFO_RANGE_BEGIN = 1 << 3;
const VLAN_INFO_RANGE_END = 1 << 4;
/** RTEXT_FILTER_BRVLAN_COMPRESSED: neighbouring VLANs with equal flags come as a range. */
const RTEXT_FILTER_BRVLAN_COMPRESSED = 1 << 2;

const vlanInfo = struct("bridge_vlan_info", { flags: u16host, vid: u16host });
const bridgeFlagsAttribute = attribute(0, u16host); // IFLA_BRIDGE_FLAGS
const vlanAttribute = attribute(2, vlanInfo); // IFLA_BRIDGE_VLAN_INFO

interface BridgeSpec {
  readonly flags?: number | undefined;
  readonly vlans: readonly ValueOf<typeof vlanInfo>[];
}

/** IFLA_AF_SPEC of family AF_BRIDGE: the VLAN attribute repeats. */
const bridgeSpec: Codec<BridgeSpec> = markNested<Codec<BridgeSpec>>({
  size: ({ flags, vlans }) =>
    (flags === undefined ? 0 : align4(ATTRIBUTE_HEADER_BYTES + 2)) + vlans.length * (ATTRIBUTE_HEADER_BYTES + 4),
  write(bytes, offset, { flags, vlans }) {
    let at = flags === undefined ? offset : writeAttribute(bytes, offset, bridgeFlagsAttribute, flags);
    for (const vlan of vlans) at = writeAttribute(bytes, at, vlanAttribute, vlan);
  },
  read(bytes, offset, end) {
    const vlans: ValueOf<typeof vlanInfo>[] = [];
    let flags: number | undefined;
    eachAttribute(bytes, offset, end, (type, start, stop) => {
      if (type === vlanAttribute.type) vlans.push(vlanInfo.read(bytes, start, stop));
      if (type === bridgeFlagsAttribute.type) flags = u16host.read(bytes, start, stop);
    });
    return { flags, vlans };
  },
});

const vlanMessage = headerAndAttributes(
  ifinfomsg,
  attributes({
    spec: attribute(26, bridgeSpec), // IFLA_AF_SPEC
    extMask: attribute(29, u32host), // IFLA_EXT_MASK
  }),
);

export interface BridgeVlan {
  readonly vid: number;
  /** Last VLAN of a range that begins with `vid`. */
  readonly vidEnd?: number | undefined;
  /** Untagged packets that come in belong to this VLAN. Not for a range. */
  readonly pvid?: boolean | undefined;
  /** Packets of this VLAN leave without a tag. */
  readonly untagged?: boolean | undefined;
}

export interface VlanTarget {
  /** A port of a bridge, or the bridge itself with `self`. */
  readonly ifindex: number;
  readonly self?: boolean | undefined;
}

export interface LinkVlans {
  readonly ifindex: number;
  readonly vlans: readonly BridgeVlan[];
}

/** Adds VLANs to a port, or changes their flags. */
export function addBridgeVlans(socket: NetlinkSocket, target: VlanTarget, vlans: readonly BridgeVlan[]): void {
  const operation = `vlan add ${describe(vlans)} dev ${target.ifindex}`;
  socket.request({ type: RTM_SETLINK, payload: encodeVlans(target, vlans) }, operation);
}

export function deleteBridgeVlans(socket: NetlinkSocket, target: VlanTarget, vlans: readonly BridgeVlan[]): void {
  const operation = `vlan delete ${describe(vlans)} dev ${target.ifindex}`;
  socket.request({ type: RTM_DELLINK, payload: encodeVlans(target, vlans) }, operation);
}

/** Links that are bridges or ports, with their VLANs. */
export function listBridgeVlans(socket: NetlinkSocket): readonly LinkVlans[] {
  const payload = encode(vlanMessage, {
    ...emptyLinkMessage,
    family: AF_BRIDGE,
    extMask: RTEXT_FILTER_BRVLAN_COMPRESSED,
  });
  return socket
    .dump({ type: RTM_GETLINK, payload }, "vlan show")
    .filter(({ type }) => type === RTM_NEWLINK)
    .map((message) => decodeBridgeVlans(message.payload));
}

/** The payload of RTM_SETLINK and RTM_DELLINK. */
export function encodeVlans({ ifindex, self }: VlanTarget, vlans: readonly BridgeVlan[]): Buffer {
  return encode(vlanMessage, {
    ...emptyLinkMessage,
    family: AF_BRIDGE,
    index: ifindex,
    spec: { flags: self ? BRIDGE_FLAGS_SELF : undefined, vlans: vlans.flatMap(vlanInfos) },
  });
}

export function decodeBridgeVlans(payload: Buffer): LinkVlans {
  const { index, spec } = decode(vlanMessage, payload);
  const vlans: BridgeVlan[] = [];
  let rangeStart: number | undefined;
  for (const { flags, vid } of spec?.vlans ?? []) {
    if (flags & VLAN_INFO_RANGE_BEGIN) {
      rangeStart = vid;
      continue;
    }
    const pvid = (flags & VLAN_INFO_PVID) !== 0;
    const untagged = (flags & VLAN_INFO_UNTAGGED) !== 0;
    if ((flags & VLAN_INFO_RANGE_END) === 0) vlans.push({ vid, vidEnd: undefined, pvid, untagged });
    else if (rangeStart !== undefined) vlans.push({ vid: rangeStart, vidEnd: vid, pvid, untagged });
    else throw new DecodeError("bridge vlans", 0, `a range ends at ${vid} and never began`);
    rangeStart = undefined;
  }
  return { ifindex: index, vlans };
}

function vlanInfos({ vid, vidEnd, pvid, untagged }: BridgeVlan): ValueOf<typeof vlanInfo>[] {
  const flags = (pvid ? VLAN_INFO_PVID : 0) | (untagged ? VLAN_INFO_UNTAGGED : 0);
  if (vidEnd === undefined || vidEnd === vid) return [{ flags, vid }];
  return [
    { flags: flags | VLAN_INFO_RANGE_BEGIN, vid },
    { flags: flags | VLAN_INFO_RANGE_END, vid: vidEnd },
  ];
}

function describe(vlans: readonly BridgeVlan[]): string {
  return vlans.map(({ vid, vidEnd }) => (vidEnd === undefined ? `vid ${vid}` : `vid ${vid}-${vidEnd}`)).join(", ");
}
