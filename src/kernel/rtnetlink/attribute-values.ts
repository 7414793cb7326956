/**
 * Codecs of attribute payloads that several rtnetlink messages share: addresses as their canonical text,
 * booleans as the kernel keeps them, and nested attributes whose meaning another attribute decides.
 */

import type { Codec, FixedCodec } from "#base/codec/codec.ts";
import { mapped, rawBytes, u8 } from "#base/codec/values.ts";
import { addressBytes, formatAddress, type IpAddress } from "#base/ip-address.ts";
import { formatMacAddress, type MacAddress, macBytes } from "#base/mac-address.ts";
import { markNested } from "../netlink/attributes.ts";

/** 4 or 16 bytes: the payload's length tells the family. */
export const ipAddress: Codec<IpAddress> = mapped(rawBytes, formatAddress, addressBytes);

/** Undefined where the hardware address is no EUI-48, as on tunnels, whose address is the IP address. */
export const macAddress: Codec<MacAddress | undefined> = mapped(
  rawBytes,
  (bytes) => (bytes.length === 6 ? formatMacAddress(bytes) : undefined),
  (address) => (address === undefined ? new Uint8Array() : macBytes(address)),
);

export const boolean8: FixedCodec<boolean> = mapped(
  u8,
  (value) => value !== 0,
  (value) => (value ? 1 : 0),
);

/** Attributes that are encoded and decoded apart, such as IFLA_INFO_DATA. */
export const nestedBytes: Codec<Uint8Array> = markNested({ ...rawBytes });

/** The name that a table of constants gives to a number. */
export function nameOf<N extends string>(table: Readonly<Record<N, number>>, value: number): N | undefined {
  for (const name in table) if (table[name] === value) return name;
  return undefined;
}
