/**
 * Hears what rules log to an NFLOG group: `log prefix "…" group 5`. One listener has a group of a namespace at a time.
 * Source: include/uapi/linux/netfilter/nfnetlink_log.h, Linux 6.1.
 */
import { decode, encode } from "#base/codec/codec.ts";
import { cString, rawBytes, u16be, u32be } from "#base/codec/values.ts";
import { attribute, attributes, headerAndAttributes } from "../netlink/attributes.ts";
import type { NetlinkMessage, NetlinkRequest } from "../netlink/message.ts";
import { listenNetlink, NETLINK_NETFILTER } from "../netlink/socket.ts";
import type { Netns } from "../netns/netns.ts";
import { header, NFNL_SUBSYS_ULOG, nfgenmsg, u64number } from "./nfnetlink.ts";

const NFULNL_MSG_PACKET = (NFNL_SUBSYS_ULOG << 8) | 0;
const NFULNL_MSG_CONFIG = (NFNL_SUBSYS_ULOG << 8) | 1;
const NFULNL_CFG_CMD_BIND = 1;
const NFULNL_COPY_PACKET = 2;

export interface LoggedPacket {
  readonly prefix: string;
  /** ETH_P_…: 0x0800 IPv4, 0x86dd IPv6. */
  readonly protocol: number;
  readonly mark: number;
  /** Links that it came in by and was to go out by, bridges for their ports. */
  readonly inIfindex: number | undefined;
  readonly outIfindex: number | undefined;
  /** Ports of bridges. */
  readonly inPortIfindex: number | undefined;
  readonly outPortIfindex: number | undefined;
  /** From the network header on, cut at the length that was asked for. */
  readonly packet: Uint8Array;
  /** Microseconds since 1970, where the kernel knows when it came. */
  readonly timestampMicros: number | undefined;
}

export interface NflogListener {
  logged(packet: LoggedPacket): void;
  /** The kernel dropped messages. */
  lost(): void;
}

export interface WatchNflogOptions {
  readonly netns: Netns;
  readonly group: number;
  /** Bytes of each packet. Default: 128. */
  readonly snapBytes?: number | undefined;
}

const config = headerAndAttributes(
  nfgenmsg,
  attributes({
    command: attribute(1, rawBytes),
    /** struct nfulnl_msg_config_mode {copy_range be32, copy_mode u8, pad u8}, packed */
    mode: attribute(2, rawBytes),
    qthreshold: attribute(5, u32be),
  }),
);

const logMessage = headerAndAttributes(
  nfgenmsg,
  attributes({
    /** struct nfulnl_msg_packet_hdr {hw_protocol be16, hook u8, pad u8} */
    header: attribute(1, rawBytes),
    mark: attribute(2, u32be),
    /** {seconds be64, microseconds be64} */
    timestamp: attribute(3, rawBytes),
    inIfindex: attribute(4, u32be),
    outIfindex: attribute(5, u32be),
    inPortIfindex: attribute(6, u32be),
    outPortIfindex: attribute(7, u32be),
    packet: attribute(9, rawBytes),
    prefix: attribute(10, cString),
  }),
);

/** Reports until disposed. Throws KernelError EPERM when somebody else has the group. */
export function watchNflog({ netns, group, snapBytes = 128 }: WatchNflogOptions, listener: NflogListener): Disposable {
  return listenNetlink(
    { protocol: NETLINK_NETFILTER, groups: [], netns, requests: bindRequests(group, snapBytes) },
    {
      message(message) {
        if (message.type === NFULNL_MSG_PACKET) listener.logged(readLoggedPacket(message));
      },
      lost: () => listener.lost(),
    },
  );
}

export function bindRequests(group: number, snapBytes: number): readonly NetlinkRequest[] {
  const head = { ...header("unspec"), resourceId: group };
  const mode = Buffer.alloc(6);
  mode.writeUInt32BE(snapBytes, 0);
  mode.writeUInt8(NFULNL_COPY_PACKET, 4);
  return [
    // qthreshold 1: each message at once, and not when a hundred are there or a second is over.
    { command: Uint8Array.of(NFULNL_CFG_CMD_BIND) },
    { mode, qthreshold: 1 },
  ].map((fields) => ({ type: NFULNL_MSG_CONFIG, payload: encode(config, { ...head, ...fields }) }));
}

export function readLoggedPacket({ payload }: Pick<NetlinkMessage, "payload">): LoggedPacket {
  const message = decode(logMessage, payload);
  const head = Buffer.from(message.header ?? []);
  const time = Buffer.from(message.timestamp ?? []);
  return {
    prefix: message.prefix ?? "",
    protocol: head.length < 2 ? 0 : u16be.read(head, 0, 2),
    mark: message.mark ?? 0,
    inIfindex: message.inIfindex,
    outIfindex: message.outIfindex,
    inPortIfindex: message.inPortIfindex,
    outPortIfindex: message.outPortIfindex,
    packet: Uint8Array.from(message.packet ?? []),
    timestampMicros:
      time.length < 16 ? undefined : u64number.read(time, 0, 8) * 1_000_000 + u64number.read(time, 8, 16),
  };
}
