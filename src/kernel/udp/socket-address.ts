/**
 * struct sockaddr_in and sockaddr_in6 as addresses and ports. The family is in the host's byte order, the rest in the
 * wire's. Source: ip(7), ipv6(7).
 */
import { u16host, u32host } from "#base/codec/values.ts";
import { addressBytes, familyOf, formatAddress, type IpAddress } from "#base/ip-address.ts";
import { AF_INET, AF_INET6 } from "../syscalls/syscalls.ts";

export interface SocketAddress {
  readonly address: IpAddress;
  readonly port: number;
}

const SOCKADDR_IN_BYTES = 16;
const SOCKADDR_IN6_BYTES = 28;

/** `scopeId` is the link's ifindex, for link-local addresses. */
export function encodeSocketAddress({ address, port }: SocketAddress, scopeId = 0): Buffer {
  const isIpv6 = familyOf(address) === 6;
  const bytes = Buffer.alloc(isIpv6 ? SOCKADDR_IN6_BYTES : SOCKADDR_IN_BYTES);
  u16host.write(bytes, 0, isIpv6 ? AF_INET6 : AF_INET);
  bytes.writeUInt16BE(port, 2);
  bytes.set(addressBytes(address), isIpv6 ? 8 : 4);
  if (isIpv6) u32host.write(bytes, 24, scopeId);
  return bytes;
}

/** Undefined for other families, and for a name that is too short. */
export function decodeSocketAddress(bytes: Buffer): SocketAddress | undefined {
  if (bytes.length < SOCKADDR_IN_BYTES) return undefined;
  const family = u16host.read(bytes, 0, bytes.length);
  const port = bytes.readUInt16BE(2);
  if (family === AF_INET) return { address: formatAddress(bytes.subarray(4, 8)), port };
  if (family !== AF_INET6 || bytes.length < SOCKADDR_IN6_BYTES) return undefined;
  return { address: formatAddress(bytes.subarray(8, 24)), port };
}
