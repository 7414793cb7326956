/** Addresses that are valid on one link only. Source: RFC 3927 (169.254.0.0/16), RFC 4291 section 2.5.6 (fe80::/10). */
import { contains, type IpAddress, parsePrefix } from "#base/ip-address.ts";

const LINK_LOCAL = ["169.254.0.0/16", "fe80::/10"].map(parsePrefix);

export function isLinkLocal(address: IpAddress): boolean {
  return LINK_LOCAL.some((prefix) => contains(prefix, address));
}
