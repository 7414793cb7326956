/**
 * Who has which address in a cluster's underlay, and the names and hardware addresses that follow from it:
 * the host .1, nodes from .10, the router .254. IPv6 host parts are the same numbers: fd00:213:K::10 is the first node.
 */
import { createHash } from "node:crypto";
import { addressBytes, addressToBigInt, bigIntToAddress, type IpAddress, type Prefix } from "#base/ip-address.ts";
import { formatMacAddress, type MacAddress } from "#base/mac-address.ts";
import type { Families } from "./choose-subnet.ts";

const HOST = 1;
const FIRST_NODE = 10;
const ROUTER = 254;
/** Nodes that one underlay has addresses for. */
export const MAX_NODES = ROUTER - FIRST_NODE;
/** IFNAMSIZ without its NUL. */
const MAX_LINK_NAME = 15;

export function hostAddresses(subnets: Families<Prefix>): Families<IpAddress> {
  return addressesAt(subnets, HOST);
}

export function gatewayAddresses(subnets: Families<Prefix>): Families<IpAddress> {
  return addressesAt(subnets, ROUTER);
}

/** `index` counts from 0. */
export function nodeAddresses(subnets: Families<Prefix>, index: number): Families<IpAddress> {
  if (!Number.isInteger(index) || index < 0 || index >= MAX_NODES) {
    throw new RangeError(`Cannot address node ${index}: an underlay has addresses for ${MAX_NODES} nodes, from 0`);
  }
  return addressesAt(subnets, FIRST_NODE + index);
}

/** Locally administered, and readable: 02:50 and the four bytes of the IPv4 address. */
export function macOfAddress(address: IpAddress): MacAddress {
  return formatMacAddress(Uint8Array.of(0x02, 0x50, ...addressBytes(address)));
}

/** The port of a node on the underlay's bridge. */
export function portName(index: number): string {
  return `node${index}`;
}

/** `pw-NAME`; a name that is too long ends in a hash instead, so that it stays unique. */
export function hostLinkName(clusterName: string): string {
  const name = `pw-${clusterName}`;
  if (name.length <= MAX_LINK_NAME) return name;
  const hash = createHash("sha256").update(clusterName).digest("hex").slice(0, 4);
  return `${name.slice(0, MAX_LINK_NAME - hash.length)}${hash}`;
}

/** A /24 and a /64 take the number as it reads: `::10` is sixteen in hexadecimal digits, but says ten to people. */
function addressesAt(subnets: Families<Prefix>, number: number): Families<IpAddress> {
  const at = (subnet: Prefix, value: number): IpAddress =>
    bigIntToAddress(subnet.family, addressToBigInt(subnet.address) + BigInt(value));
  return { 4: at(subnets[4], number), 6: subnets[6] && at(subnets[6], Number.parseInt(String(number), 16)) };
}
