/**
 * SCTP on one address of a namespace, by a raw socket: the packets are ours, their way is the kernel's, whether it has an
 * SCTP of its own or not. Source: raw(7), ipv6(7).
 */
import { closeSync } from "node:fs";
import { familyOf, type IpAddress } from "#base/ip-address.ts";
import { inNetns, type Netns } from "../netns/netns.ts";
import { receiveMessage, sendTo } from "../syscalls/message-io.ts";
import { watchReadable } from "../syscalls/readable.ts";
import { AF_INET, AF_INET6, call, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_RAW } from "../syscalls/syscalls.ts";
import { decodeSocketAddress, encodeSocketAddress } from "../udp/socket-address.ts";
import { decodeSctp, encodeSctp, type SctpPacket } from "./sctp-packet.ts";

const IPPROTO_SCTP = 132;

export interface SctpEndpoint extends Disposable {
  /** Throws KernelError: ENETUNREACH, EPERM, … */
  send(to: IpAddress, packet: Parameters<typeof encodeSctp>[0]): void;
}

export function openSctpEndpoint(
  netns: Netns,
  address: IpAddress,
  onPacket: (packet: SctpPacket, from: IpAddress) => void,
): SctpEndpoint {
  const family = familyOf(address) === 4 ? AF_INET : AF_INET6;
  const type = SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK;
  const fd = inNetns(netns, () => call("socket", "open raw SCTP socket", family, type, IPPROTO_SCTP));
  try {
    const own = encodeSocketAddress({ address, port: 0 });
    call("bind", `bind raw SCTP socket to ${address}`, fd, own, own.length);
    const watch = watchReadable(fd, () => receiveAll({ fd, family }, onPacket));
    return {
      send: (to, packet) =>
        sendTo(fd, encodeSctp(packet), encodeSocketAddress({ address: to, port: 0 }), `send SCTP to ${to}`),
      [Symbol.dispose]() {
        watch[Symbol.dispose]();
        closeSync(fd);
      },
    };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function receiveAll(
  { fd, family }: { readonly fd: number; readonly family: number },
  onPacket: (packet: SctpPacket, from: IpAddress) => void,
): void {
  for (;;) {
    const message = receiveMessage(fd, "receive SCTP");
    if (message === undefined) return;
    const from = decodeSocketAddress(message.name);
    const packet = decodeSctp(payloadOf(family, message.data));
    if (from !== undefined && packet !== undefined) onPacket(packet, from.address);
  }
}

/** Raw sockets get IPv4 packets with their header, IPv6 ones without. Source: raw(7). */
function payloadOf(family: number, data: Buffer): Buffer {
  return family === AF_INET ? data.subarray(((data[0] ?? 0) & 0xf) * 4) : data;
}
