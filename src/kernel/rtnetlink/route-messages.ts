/**
 * Messages about routes: RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE.
 * Source: include/uapi/linux/rtnetlink.h (struct rtmsg, struct rtnexthop, RTA_*, RTAX_*), Linux 6.1.
 */
import { type Codec, DecodeError, requireBytes, type ValueOf } from "#base/codec/codec.ts";
import { struct } from "#base/codec/struct.ts";
import { i32host, mapped, rawBytes, u8, u16host, u32host } from "#base/codec/values.ts";
import { addressBytes, familyOf, formatAddress, type IpAddress } from "#base/ip-address.ts";
import { align4, attribute, attributes, headerAndAttributes } from "../netlink/attributes.ts";
import { ipAddress } from "./attribute-values.ts";
import { addressFamily } from "./family.ts";

export const RTM_NEWROUTE = 24;
export const RTM_DELROUTE = 25;
export const RTM_GETROUTE = 26;

/** The gateway is on the link, whatever its address. */
export const RTNH_F_ONLINK = 4;

/** RTN_* */
export const routeTypes = {
  unspecified: 0,
  unicast: 1,
  local: 2,
  broadcast: 3,
  anycast: 4,
  multicast: 5,
  blackhole: 6,
  unreachable: 7,
  prohibit: 8,
  throw: 9,
  nat: 10,
  xresolve: 11,
} as const;
export type RouteType = keyof typeof routeTypes;

const RTA_GATEWAY = 5;
const RTA_VIA = 18;

/** struct rtvia {family u16, address}: a gateway of the other family. Since Linux 5.2 for IPv4 routes. */
const viaAddress: Codec<IpAddress> = mapped(
  rawBytes,
  (bytes) => formatAddress(bytes.subarray(2)),
  (address) => {
    const family = Buffer.alloc(2);
    u16host.write(family, 0, addressFamily(familyOf(address)));
    return Buffer.concat([family, addressBytes(address)]);
  },
);

const nextHopHeader = struct("rtnexthop", { length: u16host, flags: u8, hops: u8, ifindex: i32host });
const nextHopAttributes = attributes({
  gateway: attribute(RTA_GATEWAY, ipAddress),
  via: attribute(RTA_VIA, viaAddress),
});
export type NextHopMessage = Omit<ValueOf<typeof nextHopHeader>, "length"> & ValueOf<typeof nextHopAttributes>;

const nextHopSize = (hop: NextHopMessage) => nextHopHeader.bytes + nextHopAttributes.size(hop);

/** Next hops one after the other, each with attributes of its own. */
const nextHops: Codec<readonly NextHopMessage[]> = {
  size: (hops) => hops.reduce((sum, hop) => sum + align4(nextHopSize(hop)), 0),
  write(bytes, offset, hops) {
    let at = offset;
    for (const hop of hops) {
      const length = nextHopSize(hop);
      nextHopHeader.write(bytes, at, { ...hop, length });
      nextHopAttributes.write(bytes, at + nextHopHeader.bytes, hop);
      at += align4(length);
    }
  },
  read(bytes, offset, end) {
    const hops: NextHopMessage[] = [];
    let at = offset;
    while (end - at >= nextHopHeader.bytes) {
      const { length, ...header } = nextHopHeader.read(bytes, at, end);
      if (length < nextHopHeader.bytes) throw new DecodeError("rtnexthop", at, `length ${length}`);
      requireBytes("rtnexthop", length, at, end);
      hops.push({ ...header, ...nextHopAttributes.read(bytes, at + nextHopHeader.bytes, at + length) });
      at += align4(length);
    }
    return hops;
  },
};

const rtmsg = struct("rtmsg", {
  family: u8,
  destinationLength: u8,
  sourceLength: u8,
  tos: u8,
  table: u8,
  protocol: u8,
  scope: u8,
  type: u8,
  flags: u32host,
});

export const routeMessage = headerAndAttributes(
  rtmsg,
  attributes({
    destination: attribute(1, ipAddress), // RTA_DST
    oif: attribute(4, u32host), // RTA_OIF
    gateway: attribute(RTA_GATEWAY, ipAddress),
    priority: attribute(6, u32host), // RTA_PRIORITY
    src: attribute(7, ipAddress), // RTA_PREFSRC
    metrics: attribute(8, attributes({ mtu: attribute(2, u32host), advmss: attribute(8, u32host) })), // RTA_METRICS
    nextHops: attribute(9, nextHops), // RTA_MULTIPATH
    tableNumber: attribute(15, u32host), // RTA_TABLE
    via: attribute(RTA_VIA, viaAddress),
  }),
);
export type RouteMessage = ValueOf<typeof routeMessage>;
