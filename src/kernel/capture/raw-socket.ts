/**
 * Sends one transport segment as it is; the kernel makes the IP header, chooses the route and runs the firewall's output
 * hook, as for any program of the namespace. Source: raw(7), ipv6(7).
 */
import { closeSync } from "node:fs";
import { u32host } from "#base/codec/values.ts";
import { familyOf, type IpAddress } from "#base/ip-address.ts";
import { inNetns, type Netns } from "../netns/netns.ts";
import { sendTo } from "../syscalls/message-io.ts";
import { AF_INET, AF_INET6, call, SOCK_CLOEXEC, SOCK_RAW } from "../syscalls/syscalls.ts";
import { encodeSocketAddress } from "../udp/socket-address.ts";

/** SOL_IP with IP_MTU_DISCOVER, SOL_IPV6 with IPV6_MTU_DISCOVER. Probing sets DF and refuses what is over the link's MTU. */
const IPV4 = { level: 0, mtuDiscover: 10 } as const;
const IPV6 = { level: 41, mtuDiscover: 23 } as const;
const PMTUDISC_PROBE = 3;

export interface RawSegment {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  /** IPPROTO_… */
  readonly protocol: number;
  readonly bytes: Uint8Array;
}

/** Throws KernelError: EMSGSIZE, ENETUNREACH, EPERM (the firewall's output hook), … */
export function sendSegment(netns: Netns, { source, destination, protocol, bytes }: RawSegment): void {
  const family = familyOf(destination) === 4 ? AF_INET : AF_INET6;
  const fd = inNetns(netns, () => call("socket", "open raw socket", family, SOCK_RAW | SOCK_CLOEXEC, protocol));
  try {
    const { level, mtuDiscover } = familyOf(destination) === 4 ? IPV4 : IPV6;
    const value = Buffer.alloc(4);
    u32host.write(value, 0, PMTUDISC_PROBE);
    call("setsockopt", "set option of raw socket", fd, level, mtuDiscover, value, 4);
    const own = encodeSocketAddress({ address: source, port: 0 });
    call("bind", `bind raw socket to ${source}`, fd, own, own.length);
    sendTo(fd, bytes, encodeSocketAddress({ address: destination, port: 0 }), `send to ${destination}`);
  } finally {
    closeSync(fd);
  }
}
