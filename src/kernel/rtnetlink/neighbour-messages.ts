/**
 * Messages about neighbours: ARP and NDP entries, and the forwarding database of bridges and VXLAN links.
 * Source: include/uapi/linux/neighbour.h, Linux 6.1.
 */
import type { ValueOf } from "#base/codec/codec.ts";
import { struct } from "#base/codec/struct.ts";
import { i32host, padding, u8, u16be, u16host, u32host } from "#base/codec/values.ts";
import { attribute, attributes, headerAndAttributes } from "../netlink/attributes.ts";
import { ipAddress, macAddress } from "./attribute-values.ts";

export const RTM_NEWNEIGH = 28;
export const RTM_DELNEIGH = 29;
export const RTM_GETNEIGH = 30;

export const NTF_SELF = 0x02;
export const NTF_MASTER = 0x04;
export const NTF_PROXY = 0x08;
export const NTF_EXT_LEARNED = 0x10;
export const NTF_ROUTER = 0x80;

/** NUD_*: bits. The stronger come first: `bridge fdb` sets `noarp` besides `permanent`. */
export const neighbourStates = {
  permanent: 0x80,
  noarp: 0x40,
  failed: 0x20,
  probe: 0x10,
  delay: 0x08,
  stale: 0x04,
  reachable: 0x02,
  incomplete: 0x01,
  none: 0,
} as const;
export type NeighbourState = keyof typeof neighbourStates;

// Object.entries widens the keys that the declaration above fixes.
const stateBits = Object.entries(neighbourStates) as [NeighbourState, number][];

export function stateOf(bits: number): NeighbourState {
  for (const [state, bit] of stateBits) if (bits & bit) return state;
  return "none";
}

const ndmsg = struct("ndmsg", {
  family: u8,
  _pad: padding(3),
  ifindex: i32host,
  state: u16host,
  flags: u8,
  type: u8,
});

export const neighbourMessage = headerAndAttributes(
  ndmsg,
  attributes({
    destination: attribute(1, ipAddress), // NDA_DST
    mac: attribute(2, macAddress), // NDA_LLADDR
    vlan: attribute(5, u16host), // NDA_VLAN
    port: attribute(6, u16be), // NDA_PORT
    vni: attribute(7, u32host), // NDA_VNI
    via: attribute(8, u32host), // NDA_IFINDEX
    master: attribute(9, u32host), // NDA_MASTER
  }),
);
export type NeighbourMessage = ValueOf<typeof neighbourMessage>;

export const emptyNeighbour: NeighbourMessage = { family: 0, ifindex: 0, state: 0, flags: 0, type: 0 };
