/**
 * The user-space half of the udp back end: IP packets from the TUN link go to their node as UDP payload, and the other way.
 * Both directions are bounded: what the socket's queue or the kernel does not take is dropped, as a full link would.
 * Wire format of flanneld's udp back end: the bare IP packet, port 8285, one hop counted on either side.
 */
import { createSocket, type Socket } from "node:dgram";
import { readSync, writeSync } from "node:fs";
import {
  addressBytes,
  contains,
  type Family,
  familyOf,
  formatAddress,
  type IpAddress,
  parsePrefix,
} from "#base/ip-address.ts";
import { inNetns, type Netns } from "#kernel/netns/netns.ts";
import { watchReadable } from "#kernel/syscalls/readable.ts";
import type { PerFamily } from "../contract.ts";
import { decrementTtl, readPacket } from "./ip-packet.ts";
import { netUnreachable } from "./net-unreachable.ts";
import { peerTable, type TableEntry } from "./peer-table.ts";

export interface ProxyOptions {
  readonly netns: Netns;
  /** Non-blocking descriptor of the TUN link. */
  readonly tunFd: number;
  readonly port: number;
  /** The node's addresses, which peers send to. */
  readonly listen: PerFamily<IpAddress>;
  /** Addresses on the TUN link, which answers come from. */
  readonly own: PerFamily<IpAddress>;
  /** What may come in from other nodes. */
  readonly podPrefixes: readonly string[];
  /** The TUN link is gone, or something else that the proxy cannot go on with. */
  readonly onError: (error: unknown) => void;
}

export interface Proxy extends Disposable {
  program(entries: readonly TableEntry[]): void;
}

/** Larger than any MTU of IP. */
const PACKET_BYTES = 0x10000;
/** Packets per wake-up, so that neither direction starves the other. */
const BATCH = 64;
/** Datagrams that wait for the socket; a TUN link's own queue holds 500 packets. */
const MAX_QUEUED = 500;

/** Throws or reports EADDRINUSE when somebody else has the port. */
export function startProxy(options: ProxyOptions): Proxy {
  const { tunFd, port, netns } = options;
  const prefixes = options.podPrefixes.map((text) => parsePrefix(text));
  const own = { 4: options.own[4] && addressBytes(options.own[4]), 6: options.own[6] && addressBytes(options.own[6]) };
  const sockets = new Map<Family, Socket>();
  const buffer = Buffer.allocUnsafeSlow(PACKET_BYTES);
  let table = peerTable([]);

  function fromTun(packet: Buffer): void {
    const header = readPacket(packet);
    if (header === undefined) return;
    const node = table.find(header.destination);
    if (node === undefined) {
      const from = own[header.family];
      const answer = from && netUnreachable(packet, header, from);
      if (answer) toTun(answer);
      return;
    }
    const socket = sockets.get(familyOf(node));
    if (socket === undefined || socket.getSendQueueCount() >= MAX_QUEUED || !decrementTtl(packet, header)) return;
    socket.send(Buffer.from(packet), port, node, ignoreResult);
  }

  function fromNode(packet: Buffer): void {
    const header = readPacket(packet);
    if (header === undefined || !decrementTtl(packet, header)) return;
    const destination = formatAddress(header.destination);
    if (prefixes.some((prefix) => contains(prefix, destination))) toTun(packet);
  }

  function toTun(packet: Buffer): void {
    try {
      writeSync(tunFd, packet);
    } catch (error) {
      if (!isDrop(error)) options.onError(error);
    }
  }

  const watch = watchReadable(tunFd, () => {
    for (let count = 0; count < BATCH; count++) {
      let length: number;
      try {
        length = readSync(tunFd, buffer);
      } catch (error) {
        if (!hasCode(error, "EAGAIN")) options.onError(error);
        return;
      }
      fromTun(buffer.subarray(0, length));
    }
  });
  const close = () => {
    watch[Symbol.dispose]();
    for (const socket of sockets.values()) socket.close();
  };
  try {
    for (const address of [options.listen[4], options.listen[6]]) {
      if (address === undefined) continue;
      const socket = bindIn(netns, address, port);
      sockets.set(familyOf(address), socket);
      socket.on("message", fromNode);
      socket.on("error", options.onError);
    }
  } catch (error) {
    close();
    throw error;
  }
  return {
    program(entries) {
      table = peerTable(entries);
    },
    [Symbol.dispose]: close,
  };
}

/** A socket belongs to the namespace that it is bound in: without a name to look up, that is at once. */
function bindIn(netns: Netns, address: IpAddress, port: number): Socket {
  const family = familyOf(address);
  const socket = createSocket({
    type: family === 4 ? "udp4" : "udp6",
    ...(family === 6 && { ipv6Only: true }),
    lookup: (host, _, callback) => callback(null, host, familyOf(address)),
  });
  inNetns(netns, () => socket.bind(port, address));
  return socket;
}

/** An unreachable node or a full queue costs the packet, as on any network. */
function ignoreResult(): void {}

/** The link is down (EIO), its queue full, or the packet not to the kernel's taste. */
function isDrop(error: unknown): boolean {
  return ["EIO", "EAGAIN", "EINVAL", "ENOBUFS"].some((code) => hasCode(error, code));
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
