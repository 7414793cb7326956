/**
 * Hardware address of a node's VXLAN link, from the node's name: the same after every restart, so that peers need not
 * learn a new one. Locally administered unicast (IEEE 802, bits 1 and 0 of the first byte).
 */
import { createHash } from "node:crypto";
import type { Family } from "#base/ip-address.ts";
import { formatMacAddress, type MacAddress } from "#base/mac-address.ts";

const LOCALLY_ADMINISTERED = 0x02;
const MULTICAST = 0x01;

export function vtepMac(nodeName: string, family: Family): MacAddress {
  const bytes = createHash("sha256").update(`vtep/${family}/${nodeName}`).digest().subarray(0, 6);
  bytes[0] = ((bytes[0] ?? 0) | LOCALLY_ADMINISTERED) & ~MULTICAST;
  return formatMacAddress(bytes);
}
