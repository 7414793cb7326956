/**
 * Entries of the connection tracking table. Equal to what `conntrack -L` prints.
 * Source: include/uapi/linux/netfilter/nfnetlink_conntrack.h and nf_conntrack_common.h, Linux 6.1.
 */
import { type Codec, DecodeError, type ValueOf } from "#base/codec/codec.ts";
import { mapped, rawBytes, u8, u16be, u32be, u32host } from "#base/codec/values.ts";
import { addressBytes, type Family, familyOf, formatAddress, type IpAddress } from "#base/ip-address.ts";
import { attribute, attributes, headerAndAttributes } from "../netlink/attributes.ts";
import { header, NFNL_SUBSYS_CTNETLINK, nfgenmsg, u64number } from "./nfnetlink.ts";
import { type Word, word, wordFlags } from "./words.ts";

export const IPCTNL_MSG_CT_NEW = (NFNL_SUBSYS_CTNETLINK << 8) | 0;
export const IPCTNL_MSG_CT_GET = (NFNL_SUBSYS_CTNETLINK << 8) | 1;
export const IPCTNL_MSG_CT_DELETE = (NFNL_SUBSYS_CTNETLINK << 8) | 2;

const CTA_TUPLE_ORIG = 1;
const CTA_TUPLE_REPLY = 2;
const CTA_STATUS = 3;
const CTA_PROTOINFO = 4;
const CTA_TIMEOUT = 7;
const CTA_MARK = 8;
const CTA_COUNTERS_ORIG = 9;
const CTA_COUNTERS_REPLY = 10;
const CTA_ID = 12;
const CTA_ZONE = 18;
const CTA_MARK_MASK = 21;
const CTA_FILTER = 25;

/** IPPROTO_ of include/uapi/linux/in.h; others stay numbers. */
const PROTOCOLS = { icmp: 1, tcp: 6, udp: 17, dccp: 33, gre: 47, icmpv6: 58, sctp: 132, udplite: 136 } as const;
export const CONNTRACK_PROTOCOLS: ReadonlyMap<number, ConntrackTuple["protocol"]> = new Map(
  Object.entries(PROTOCOLS).map(([name, number]) => [number, name as keyof typeof PROTOCOLS]), // keys of that literal
);
/** IPS_: `confirmed` entries are in the table; `assured` ones survive when it is full. */
const STATUS = {
  expected: 1 << 0,
  "seen-reply": 1 << 1,
  assured: 1 << 2,
  confirmed: 1 << 3,
  "src-nat": 1 << 4,
  "dst-nat": 1 << 5,
  "seq-adjust": 1 << 6,
  "src-nat-done": 1 << 7,
  "dst-nat-done": 1 << 8,
  dying: 1 << 9,
  "fixed-timeout": 1 << 10,
} as const;
/** enum tcp_conntrack, include/uapi/linux/netfilter/nf_conntrack_tcp.h */
const TCP_STATES = {
  none: 0,
  "syn-sent": 1,
  "syn-recv": 2,
  established: 3,
  "fin-wait": 4,
  "close-wait": 5,
  "last-ack": 6,
  "time-wait": 7,
  close: 8,
  "syn-sent2": 9,
} as const;

/** One direction of a connection. Ports are absent where the protocol has none. */
export interface ConntrackTuple {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly protocol: Word<typeof PROTOCOLS>;
  readonly sourcePort?: number | undefined;
  readonly destinationPort?: number | undefined;
  readonly icmpId?: number | undefined;
  readonly icmpType?: number | undefined;
  readonly icmpCode?: number | undefined;
}

export interface ConntrackEntry {
  /** As the first packet came in. */
  readonly original: ConntrackTuple;
  /** As answers come in: the translated addresses, turned round. */
  readonly reply: ConntrackTuple;
  readonly status: readonly Word<typeof STATUS>[];
  readonly timeoutSeconds?: number | undefined;
  readonly mark?: number | undefined;
  readonly zone?: number | undefined;
  readonly tcpState?: Word<typeof TCP_STATES> | undefined;
  /** Counted where net.netfilter.nf_conntrack_acct is 1. */
  readonly originalCounters?: ConntrackCounters | undefined;
  readonly replyCounters?: ConntrackCounters | undefined;
  /** Given by the kernel: tells an entry from a later one of the same addresses. */
  readonly id?: number | undefined;
}

export interface ConntrackCounters {
  readonly packets?: number | undefined;
  readonly bytes?: number | undefined;
}

const AF_INET = 2;
const AF_INET6 = 10;
const address = addressCodec(rawBytes);

const tupleWire = attributes({
  ip: attribute(
    1,
    attributes({
      v4Source: attribute(1, address),
      v4Destination: attribute(2, address),
      v6Source: attribute(3, address),
      v6Destination: attribute(4, address),
    }),
  ),
  protocol: attribute(
    2,
    attributes({
      number: attribute(1, word(u8, PROTOCOLS)),
      sourcePort: attribute(2, u16be),
      destinationPort: attribute(3, u16be),
      icmpId: attribute(4, u16be),
      icmpType: attribute(5, u8),
      icmpCode: attribute(6, u8),
      icmpv6Id: attribute(7, u16be),
      icmpv6Type: attribute(8, u8),
      icmpv6Code: attribute(9, u8),
    }),
  ),
});
type WireTuple = ValueOf<typeof tupleWire>;

const counters = attributes({ packets: attribute(1, u64number), bytes: attribute(2, u64number) });

export const conntrackWire = headerAndAttributes(
  nfgenmsg,
  attributes({
    original: attribute(CTA_TUPLE_ORIG, tupleWire),
    reply: attribute(CTA_TUPLE_REPLY, tupleWire),
    status: attribute(CTA_STATUS, wordFlags(u32be, STATUS)),
    protoinfo: attribute(
      CTA_PROTOINFO,
      attributes({ tcp: attribute(1, attributes({ state: attribute(1, word(u8, TCP_STATES)) })) }),
    ),
    timeoutSeconds: attribute(CTA_TIMEOUT, u32be),
    mark: attribute(CTA_MARK, u32be),
    originalCounters: attribute(CTA_COUNTERS_ORIG, counters),
    replyCounters: attribute(CTA_COUNTERS_REPLY, counters),
    id: attribute(CTA_ID, u32be),
    zone: attribute(CTA_ZONE, u16be),
    markMask: attribute(CTA_MARK_MASK, u32be),
    /** Which fields of the tuples a request filters by. These two are in the host's byte order. Since Linux 5.8. */
    filter: attribute(
      CTA_FILTER,
      attributes({ originalFlags: attribute(1, u32host), replyFlags: attribute(2, u32host) }),
    ),
  }),
);

export const conntrackEntry: Codec<ConntrackEntry> = mapped<ValueOf<typeof conntrackWire>, ConntrackEntry>(
  conntrackWire,
  ({ original, reply, status, protoinfo, markMask: _mask, filter: _filter, ...rest }) => {
    const { family: _family, version: _version, resourceId: _resource, unknown: _unknown, ...fields } = rest;
    if (original === undefined || reply === undefined) throw new Error("entry without addresses");
    return {
      ...fields,
      original: readTuple(original),
      reply: readTuple(reply),
      status: status ?? [],
      ...(protoinfo?.tcp && { tcpState: protoinfo.tcp.state }),
    };
  },
  ({ original, reply, status, tcpState, ...fields }) => ({
    ...conntrackHeader(familyOf(original.source)),
    ...fields,
    original: writeTuple(original),
    reply: writeTuple(reply),
    status,
    ...(tcpState !== undefined && { protoinfo: { tcp: { state: tcpState } } }),
  }),
);

export function conntrackHeader(family: Family | undefined): ValueOf<typeof nfgenmsg> {
  return header(family === undefined ? 0 : family === 4 ? AF_INET : AF_INET6);
}

/** Only what is there: a filter names some fields, an entry all. */
export function writeTuple(tuple: Partial<ConntrackTuple>): WireTuple {
  const { source, destination, protocol, sourcePort, destinationPort } = tuple;
  const family = familyOf(source ?? destination ?? ANY_IPV4);
  const isIcmpv6 = protocol === "icmpv6";
  const { icmpId, icmpType, icmpCode } = tuple;
  const icmp = isIcmpv6
    ? { icmpv6Id: icmpId, icmpv6Type: icmpType, icmpv6Code: icmpCode }
    : { icmpId, icmpType, icmpCode };
  const ip =
    family === 4 ? { v4Source: source, v4Destination: destination } : { v6Source: source, v6Destination: destination };
  return {
    ...((source ?? destination) === undefined ? {} : { ip }),
    ...(protocol === undefined ? {} : { protocol: { number: protocol, sourcePort, destinationPort, ...icmp } }),
  };
}
const ANY_IPV4 = formatAddress(new Uint8Array(4));

function readTuple({ ip, protocol }: WireTuple): ConntrackTuple {
  const source = ip?.v4Source ?? ip?.v6Source;
  const destination = ip?.v4Destination ?? ip?.v6Destination;
  if (source === undefined || destination === undefined) throw new Error("direction without addresses");
  if (protocol?.number === undefined) throw new Error("direction without a protocol");
  const { number, icmpv6Id, icmpv6Type, icmpv6Code, unknown: _unknown, ...fields } = protocol;
  const icmpv6 = icmpv6Type === undefined ? {} : { icmpId: icmpv6Id, icmpType: icmpv6Type, icmpCode: icmpv6Code };
  return { source, destination, protocol: number, ...fields, ...icmpv6 };
}

function addressCodec(bytes: Codec<Uint8Array>): Codec<IpAddress> {
  return {
    size: (value) => addressBytes(value).length,
    write(buffer, offset, value) {
      bytes.write(buffer, offset, addressBytes(value));
    },
    read(buffer, offset, end) {
      const length = end - offset;
      if (length !== 4 && length !== 16) throw new DecodeError("address", offset, `${length} bytes`);
      return formatAddress(bytes.read(buffer, offset, end));
    },
  };
}
