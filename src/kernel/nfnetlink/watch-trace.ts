/**
 * Tells which rule decided about a packet: every rule that matched a packet which some rule has marked with
 * `meta nftrace set 1`, and the policies of base chains. Equal to `nft monitor trace`.
 * Source: include/uapi/linux/netfilter/nf_tables.h (nft_trace_attributes), net/netfilter/nf_tables_trace.c, Linux 6.1.
 */
import { decode, type ValueOf } from "#base/codec/codec.ts";
import { cString, i32be, rawBytes, u32be } from "#base/codec/values.ts";
import { type Family, formatAddress, type IpAddress } from "#base/ip-address.ts";
import { attribute, attributes, headerAndAttributes } from "../netlink/attributes.ts";
import { listenNetlink, NETLINK_NETFILTER, type NetlinkSubscription } from "../netlink/socket.ts";
import type { Netns } from "../netns/netns.ts";
import { VERDICTS } from "./data.ts";
import { NFNL_SUBSYS_NFTABLES, NFNLGRP_NFTRACE, nfgenmsg, u64number } from "./nfnetlink.ts";
import { word } from "./words.ts";

const NFT_MSG_TRACE = (NFNL_SUBSYS_NFTABLES << 8) | 17;
/** enum nft_trace_types */
const TYPES = { unspec: 0, policy: 1, return: 2, rule: 3 } as const;

const traceMessage = headerAndAttributes(
  nfgenmsg,
  attributes({
    table: attribute(1, cString),
    chain: attribute(2, cString),
    handle: attribute(3, u64number),
    type: attribute(4, word(u32be, TYPES)),
    verdict: attribute(5, attributes({ code: attribute(1, word(i32be, VERDICTS)), chain: attribute(2, cString) })),
    id: attribute(6, u32be),
    networkHeader: attribute(8, rawBytes),
    transportHeader: attribute(9, rawBytes),
    policy: attribute(16, word(u32be, VERDICTS)),
  }),
);

/** Ports are absent where the protocol has none. */
export interface TracedPacket {
  readonly family: Family;
  readonly source: IpAddress;
  readonly destination: IpAddress;
  /** IPPROTO_…; of IPv6 the first header's. */
  readonly protocol: number;
  readonly sourcePort?: number | undefined;
  readonly destinationPort?: number | undefined;
}

export interface TraceStep {
  /** The packet's, in this namespace. */
  readonly id: number;
  /** Absent behind the first step in each hook. */
  readonly packet?: TracedPacket | undefined;
  readonly table: string;
  readonly chain: string;
  /** Absent for a base chain's policy. */
  readonly handle?: number | undefined;
  readonly verdict: ValueOf<typeof verdictWord>;
}

const verdictWord = word(i32be, VERDICTS);

export interface TraceListener {
  step(step: TraceStep): void;
  /** The kernel dropped events. */
  lost(): void;
}

/** Reports until disposed. */
export function watchTrace(netns: Netns, listener: TraceListener): NetlinkSubscription {
  return listenNetlink(
    { protocol: NETLINK_NETFILTER, groups: [NFNLGRP_NFTRACE], netns },
    {
      message({ type, payload }) {
        const step = type === NFT_MSG_TRACE ? readTrace(payload) : undefined;
        if (step !== undefined) listener.step(step);
      },
      lost: () => listener.lost(),
    },
  );
}

/** Undefined for types that say nothing about a verdict. */
export function readTrace(payload: Buffer): TraceStep | undefined {
  const { id, table, chain, handle, type, verdict, policy, networkHeader, transportHeader } = decode(
    traceMessage,
    payload,
  );
  const decided = type === "policy" ? policy : verdict?.code;
  if (id === undefined || table === undefined || chain === undefined || decided === undefined) return undefined;
  const packet =
    networkHeader && readPacket(Buffer.from(networkHeader), transportHeader && Buffer.from(transportHeader));
  return { id, packet, table, chain, handle, verdict: decided };
}

const PORT_BYTES = 4;

/** RFC 791 and RFC 8200: addresses and protocol; ports are the first bytes of TCP, UDP and SCTP. */
function readPacket(network: Buffer, transport: Buffer | undefined): TracedPacket | undefined {
  const version = (network[0] ?? 0) >> 4;
  const ports =
    transport === undefined || transport.length < PORT_BYTES
      ? {}
      : { sourcePort: transport.readUInt16BE(0), destinationPort: transport.readUInt16BE(2) };
  if (version === 4 && network.length >= 20) {
    const [source, destination] = [network.subarray(12, 16), network.subarray(16, 20)].map(formatAddress);
    if (source === undefined || destination === undefined) return undefined;
    return { family: 4, source, destination, protocol: network.readUInt8(9), ...ports };
  }
  if (version !== 6 || network.length < 40) return undefined;
  const [source, destination] = [network.subarray(8, 24), network.subarray(24, 40)].map(formatAddress);
  if (source === undefined || destination === undefined) return undefined;
  return { family: 6, source, destination, protocol: network.readUInt8(6), ...ports };
}
