/**
 * Kinds of virtual links and their own attributes (IFLA_LINKINFO), the same value for creating and for reading.
 * Equal to the part of `ip link add` that follows `type`.
 * Source: include/uapi/linux/if_link.h (IFLA_BR_*, IFLA_VXLAN_*, IFLA_MACVLAN_*), veth.h, if_tun.h, Linux 6.1.
 */
import { decode, encode, type ValueOf } from "#base/codec/codec.ts";
import { mapped, presence, u8, u16be, u16host, u32host } from "#base/codec/values.ts";
import { familyOf, type IpAddress } from "#base/ip-address.ts";
import type { MacAddress } from "#base/mac-address.ts";
import { attribute, attributes } from "../netlink/attributes.ts";
import { boolean8, ipAddress, nameOf } from "./attribute-values.ts";
import { emptyLinkMessage, type LinkInfo, linkMessage } from "./link-messages.ts";

/** The other end of a veth pair. The kernel refuses to create it up: set it up from its own namespace. */
export interface VethPeer {
  readonly name: string;
  /** Default: the namespace of the socket that creates the pair. */
  readonly netnsFd?: number | undefined;
  readonly mtu?: number | undefined;
  readonly mac?: MacAddress | undefined;
  readonly group?: number | undefined;
  /** Queues in each direction. Default: the kernel's, which since Linux 5.16 is one for each possible CPU. */
  readonly queues?: number | undefined;
}

export interface Bridge {
  readonly type: "bridge";
  readonly vlanFiltering?: boolean | undefined;
  /** VLAN that a new port gets; 0 for none. */
  readonly vlanDefaultPvid?: number | undefined;
  readonly ageingSeconds?: number | undefined;
  readonly stp?: boolean | undefined;
  readonly mcastSnooping?: boolean | undefined;
}

export interface Vxlan {
  readonly type: "vxlan";
  /** VNI; 0 with `external`. */
  readonly id: number;
  /** UDP destination port. The kernel's own default is 8472. */
  readonly port?: number | undefined;
  readonly local?: IpAddress | undefined;
  /** Multicast group or default remote. */
  readonly group?: IpAddress | undefined;
  /** Ifindex of the underlay's link. */
  readonly link?: number | undefined;
  readonly ttl?: number | undefined;
  readonly learning?: boolean | undefined;
  readonly ageingSeconds?: number | undefined;
  readonly udpCsum?: boolean | undefined;
  readonly udp6ZeroCsumTx?: boolean | undefined;
  readonly udp6ZeroCsumRx?: boolean | undefined;
  /** Group based policy extension. */
  readonly gbp?: boolean | undefined;
  /** Tunnel parameters come with each packet (collect metadata). */
  readonly external?: boolean | undefined;
}

export const macvlanModes = { private: 1, vepa: 2, bridge: 4, passthru: 8, source: 16 } as const;
export type MacvlanMode = keyof typeof macvlanModes;

export interface Macvlan {
  readonly type: "macvlan";
  /** Ifindex of the lower link. Required when creating. */
  readonly link?: number | undefined;
  readonly mode: MacvlanMode;
  readonly bcQueueLength?: number | undefined;
}

/** Made by an ioctl, not by a message: see tun.ts. */
export interface Tun {
  readonly type: "tun";
  readonly mode: "tun" | "tap";
  readonly persistent: boolean;
}

export interface OtherKind {
  readonly type: "other";
  /** Kind as `ip` spells it: `dummy`, `wireguard`, … */
  readonly kind: string;
}

/** What reading a link shows. A veth's peer is `Link.link` and `Link.linkNetnsId`. */
export type LinkKind =
  | { readonly type: "veth" }
  | Bridge
  | Vxlan
  | Macvlan
  | { readonly type: "ifb" }
  | Tun
  | OtherKind;

/** What can be created by a message. */
export type NewLinkKind =
  | { readonly type: "veth"; readonly peer: VethPeer }
  | Bridge
  | Vxlan
  | Macvlan
  | { readonly type: "ifb" }
  | OtherKind;

const VETH_INFO_PEER = 1;
const vethData = attributes({ peer: attribute(VETH_INFO_PEER, linkMessage) });

/** USER_HZ: the bridge counts its times in hundredths of a second. */
const centiseconds = mapped(
  u32host,
  (value) => value / 100,
  (seconds) => Math.round(seconds * 100),
);
const boolean32 = mapped(
  u32host,
  (value) => value !== 0,
  (value) => (value ? 1 : 0),
);

const bridgeData = attributes(
  {
    ageingSeconds: attribute(4, centiseconds), // IFLA_BR_AGEING_TIME
    stp: attribute(5, boolean32), // IFLA_BR_STP_STATE
    vlanFiltering: attribute(7, boolean8), // IFLA_BR_VLAN_FILTERING
    mcastSnooping: attribute(23, boolean8), // IFLA_BR_MCAST_SNOOPING
    vlanDefaultPvid: attribute(39, u16host), // IFLA_BR_VLAN_DEFAULT_PVID
  },
  { unknown: "drop" },
);

const vxlanData = attributes({
  id: attribute(1, u32host), // IFLA_VXLAN_ID
  group4: attribute(2, ipAddress), // IFLA_VXLAN_GROUP
  link: attribute(3, u32host), // IFLA_VXLAN_LINK
  local4: attribute(4, ipAddress), // IFLA_VXLAN_LOCAL
  ttl: attribute(5, u8), // IFLA_VXLAN_TTL
  learning: attribute(7, boolean8), // IFLA_VXLAN_LEARNING
  ageingSeconds: attribute(8, u32host), // IFLA_VXLAN_AGEING
  port: attribute(15, u16be), // IFLA_VXLAN_PORT
  group6: attribute(16, ipAddress), // IFLA_VXLAN_GROUP6
  local6: attribute(17, ipAddress), // IFLA_VXLAN_LOCAL6
  udpCsum: attribute(18, boolean8), // IFLA_VXLAN_UDP_CSUM
  udp6ZeroCsumTx: attribute(19, boolean8), // IFLA_VXLAN_UDP_ZERO_CSUM6_TX
  udp6ZeroCsumRx: attribute(20, boolean8), // IFLA_VXLAN_UDP_ZERO_CSUM6_RX
  gbp: attribute(23, presence), // IFLA_VXLAN_GBP
  external: attribute(25, boolean8), // IFLA_VXLAN_COLLECT_METADATA
});

const macvlanData = attributes({
  mode: attribute(1, u32host), // IFLA_MACVLAN_MODE
  bcQueueLength: attribute(7, u32host), // IFLA_MACVLAN_BC_QUEUE_LEN
});

/** IFLA_TUN_TYPE: 1 tun, 2 tap. */
const IFF_TAP = 2;
const tunData = attributes({
  mode: attribute(3, u8), // IFLA_TUN_TYPE
  persistent: attribute(6, boolean8), // IFLA_TUN_PERSIST
});

export function encodeKind(kind: NewLinkKind): LinkInfo {
  switch (kind.type) {
    case "veth": {
      const { mac: address, queues, ...peer } = kind.peer;
      const end = { ...emptyLinkMessage, ...peer, address, txQueues: queues, rxQueues: queues };
      return { kind: "veth", data: encode(vethData, { peer: end }) };
    }
    case "bridge":
      return { kind: "bridge", data: encode(bridgeData, kind) };
    case "vxlan":
      return { kind: "vxlan", data: encode(vxlanData, vxlanAttributes(kind)) };
    case "macvlan":
      return { kind: "macvlan", data: encode(macvlanData, { ...kind, mode: macvlanModes[kind.mode] }) };
    case "ifb":
      return { kind: "ifb" };
    case "other":
      return { kind: kind.kind };
  }
}

/** `lower` is IFLA_LINK of the message that the information came with. */
export function decodeKind(info: LinkInfo, lower: number | undefined): LinkKind | undefined {
  const data = Buffer.from(info.data ?? []);
  switch (info.kind) {
    case undefined:
      return undefined;
    case "veth":
    case "ifb":
      return { type: info.kind };
    case "bridge": {
      const { unknown: _, ...bridge } = decode(bridgeData, data);
      return { type: "bridge", ...bridge };
    }
    case "vxlan":
      return decodeVxlan(decode(vxlanData, data));
    case "macvlan": {
      const { mode: number = 0, bcQueueLength } = decode(macvlanData, data);
      const mode = nameOf(macvlanModes, number);
      return mode ? { type: "macvlan", link: lower, mode, bcQueueLength } : { type: "other", kind: "macvlan" };
    }
    case "tun": {
      const { mode, persistent = false } = decode(tunData, data);
      return { type: "tun", mode: mode === IFF_TAP ? "tap" : "tun", persistent };
    }
    default:
      return { type: "other", kind: info.kind };
  }
}

function vxlanAttributes({ local, group, gbp, ...rest }: Vxlan): ValueOf<typeof vxlanData> {
  return {
    ...rest,
    ...(group && (familyOf(group) === 4 ? { group4: group } : { group6: group })),
    ...(local && (familyOf(local) === 4 ? { local4: local } : { local6: local })),
    ...(gbp === true && { gbp }),
  };
}

function decodeVxlan({
  id = 0,
  group4,
  group6,
  local4,
  local6,
  gbp,
  link,
  unknown: _,
  ...rest
}: ValueOf<typeof vxlanData>): Vxlan {
  return {
    type: "vxlan",
    id,
    ...rest,
    link: link === 0 ? undefined : link,
    group: group4 ?? group6,
    local: local4 ?? local6,
    gbp: gbp === true,
  };
}
