/**
 * Messages about links: RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK, RTM_SETLINK.
 * Source: include/uapi/linux/rtnetlink.h (struct ifinfomsg), if_link.h (IFLA_*), if.h (IFF_*), Linux 6.1.
 */
import type { Codec, ValueOf } from "#base/codec/codec.ts";
import { struct } from "#base/codec/struct.ts";
import { cString, i32host, padding, u8, u16host, u32host } from "#base/codec/values.ts";
import { attribute, attributes, headerAndAttributes } from "../netlink/attributes.ts";
import { macAddress, nestedBytes } from "./attribute-values.ts";

export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
export const RTM_GETLINK = 18;
export const RTM_SETLINK = 19;

export const IFF_UP = 0x1;
export const IFF_PROMISC = 0x100;
export const IFF_ALLMULTI = 0x200;
export const IFF_LOWER_UP = 0x10000;

const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_LINK = 5;
const IFLA_MASTER = 10;
const IFLA_TXQLEN = 13;
const IFLA_OPERSTATE = 16;
const IFLA_LINKINFO = 18;
const IFLA_IFALIAS = 20;
const IFLA_GROUP = 27;
const IFLA_NET_NS_FD = 28;
const IFLA_EXT_MASK = 29;
const IFLA_PROMISCUITY = 30;
const IFLA_NUM_TX_QUEUES = 31;
const IFLA_NUM_RX_QUEUES = 32;
const IFLA_LINK_NETNSID = 37;
const IFLA_TARGET_NETNSID = 46;
const IFLA_NEW_IFINDEX = 49;

const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const IFLA_INFO_SLAVE_KIND = 4;
const IFLA_INFO_SLAVE_DATA = 5;

/** Leaves counters out of answers. */
export const RTEXT_FILTER_SKIP_STATS = 1 << 3;

export const ifinfomsg = struct("ifinfomsg", {
  family: u8,
  _pad: padding(1),
  /** ARPHRD_… */
  hardwareType: u16host,
  index: i32host,
  /** IFF_… */
  flags: u32host,
  /** Which flags to change. */
  change: u32host,
});

const linkInfo = attributes(
  {
    kind: attribute(IFLA_INFO_KIND, cString),
    data: attribute(IFLA_INFO_DATA, nestedBytes),
    slaveKind: attribute(IFLA_INFO_SLAVE_KIND, cString),
    slaveData: attribute(IFLA_INFO_SLAVE_DATA, nestedBytes),
  },
  { unknown: "drop" },
);
export type LinkInfo = ValueOf<typeof linkInfo>;

const linkAttributes = attributes(
  {
    address: attribute(IFLA_ADDRESS, macAddress),
    name: attribute(IFLA_IFNAME, cString),
    mtu: attribute(IFLA_MTU, u32host),
    link: attribute(IFLA_LINK, u32host),
    master: attribute(IFLA_MASTER, u32host),
    txQueueLength: attribute(IFLA_TXQLEN, u32host),
    operstate: attribute(IFLA_OPERSTATE, u8),
    info: attribute(IFLA_LINKINFO, linkInfo),
    alias: attribute(IFLA_IFALIAS, cString),
    group: attribute(IFLA_GROUP, u32host),
    netnsFd: attribute(IFLA_NET_NS_FD, u32host),
    extMask: attribute(IFLA_EXT_MASK, u32host),
    promiscuity: attribute(IFLA_PROMISCUITY, u32host),
    txQueues: attribute(IFLA_NUM_TX_QUEUES, u32host),
    rxQueues: attribute(IFLA_NUM_RX_QUEUES, u32host),
    linkNetnsId: attribute(IFLA_LINK_NETNSID, i32host),
    targetNetnsId: attribute(IFLA_TARGET_NETNSID, i32host),
    newIfindex: attribute(IFLA_NEW_IFINDEX, i32host),
  },
  { unknown: "drop" },
);
export type LinkAttributes = ValueOf<typeof linkAttributes>;

export type LinkMessage = ValueOf<typeof ifinfomsg> & LinkAttributes;
export const linkMessage: Codec<LinkMessage> = headerAndAttributes(ifinfomsg, linkAttributes);

/** A message about no link in particular, to be filled in. */
export const emptyLinkMessage: ValueOf<typeof ifinfomsg> = {
  family: 0,
  hardwareType: 0,
  index: 0,
  flags: 0,
  change: 0,
};
