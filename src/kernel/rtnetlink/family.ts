/**
 * Address families as rtnetlink numbers them, and numbers that addresses, routes and rules share.
 * Source: include/linux/socket.h (AF_*), include/uapi/linux/rtnetlink.h (RT_SCOPE_*, RT_TABLE_*, RTPROT_*), Linux 6.1.
 */
import type { Family } from "#base/ip-address.ts";
import { AF_INET, AF_INET6 } from "../syscalls/syscalls.ts";

export function addressFamily(family: Family): number {
  return family === 4 ? AF_INET : AF_INET6;
}

/** Undefined for families other than IPv4 and IPv6. */
export function familyOfNumber(number: number): Family | undefined {
  if (number === AF_INET) return 4;
  return number === AF_INET6 ? 6 : undefined;
}

export const scopes = { global: 0, site: 200, link: 253, host: 254, nowhere: 255 } as const;

export const routeTables = { unspecified: 0, default: 253, main: 254, local: 255 } as const;

/** Who made a route. `boot` is what `ip route add` writes. */
export const routeProtocols = { unspecified: 0, redirect: 1, kernel: 2, boot: 3, static: 4 } as const;

/** The tables' u8 field cannot hold larger numbers: an attribute does. */
export const MAX_HEADER_TABLE = 255;
