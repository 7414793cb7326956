/**
 * Whether a new socket could have a port: tried, because asking for all listeners makes the kernel walk through its
 * tables. "No" may have other reasons than a listener, a connection that leaves by this port for one.
 * Source: bind(2), socket(7) SO_REUSEADDR, ipv6(7) IPV6_V6ONLY; include/uapi/asm-generic/socket.h.
 */
import { closeSync } from "node:fs";
import { familyOf, type IpAddress } from "#base/ip-address.ts";
import { inNetns, type Netns } from "../netns/netns.ts";
import { AF_INET, AF_INET6, SOCK_CLOEXEC, SOCK_DGRAM, SOL_SOCKET, syscalls } from "../syscalls/syscalls.ts";
import { encodeSocketAddress } from "../udp/socket-address.ts";

const SOCK_STREAM = 1;
const SO_REUSEADDR = 2;
const SOL_IPV6 = 41;
const IPV6_V6ONLY = 26;
const ON = Buffer.from(Uint32Array.of(1).buffer);
const OFF = Buffer.alloc(4);

export interface BindQuery {
  readonly protocol: "tcp" | "udp";
  /** A wildcard of IPv6 is for IPv4 too. */
  readonly address: IpAddress;
  readonly port: number;
}

/** The socket has the port for some microseconds; with TCP, it is not in the way of whoever sets SO_REUSEADDR too. */
export function isBindable(netns: Pick<Netns, "fd" | "inode">, { protocol, address, port }: BindQuery): boolean {
  const family = familyOf(address) === 4 ? AF_INET : AF_INET6;
  const type = (protocol === "tcp" ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC;
  const fd = inNetns(netns, () => syscalls.socket(family, type, 0));
  if (fd < 0) return false;
  try {
    // Then connections that leave by the port do not matter, nor do those that have just ended; who listens does.
    if (protocol === "tcp" && syscalls.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, ON, ON.length) < 0) return false;
    if (family === AF_INET6 && syscalls.setsockopt(fd, SOL_IPV6, IPV6_V6ONLY, OFF, OFF.length) < 0) return false;
    const socketAddress = encodeSocketAddress({ address, port });
    return syscalls.bind(fd, socketAddress, socketAddress.length) === 0;
  } finally {
    closeSync(fd);
  }
}
