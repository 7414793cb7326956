/**
 * Types of set keys and map data, by the names of `nft`. To the kernel they are numbers that it keeps for `nft`; only
 * the length matters there. In a concatenation every part is padded to 4 bytes.
 * Source: datatype.h of nftables 1.0.6 (TYPE_…, TYPE_BITS, TYPE_MAX_SUBTYPES), and what `nft --debug=mnl` sends.
 */

/** {number, bytes, byte order of single values}: `host` types are plain integers of this machine in a register. */
const TYPES = {
  verdict: { number: 1, bytes: 0, order: "host" },
  nf_proto: { number: 2, bytes: 1, order: "host" },
  ipv4_addr: { number: 7, bytes: 4, order: "big" },
  ipv6_addr: { number: 8, bytes: 16, order: "big" },
  ether_addr: { number: 9, bytes: 6, order: "big" },
  ether_type: { number: 10, bytes: 2, order: "big" },
  inet_proto: { number: 12, bytes: 1, order: "big" },
  inet_service: { number: 13, bytes: 2, order: "big" },
  icmp_type: { number: 14, bytes: 1, order: "big" },
  mark: { number: 19, bytes: 4, order: "host" },
  iface_index: { number: 20, bytes: 4, order: "host" },
  ct_state: { number: 26, bytes: 4, order: "host" },
  icmpv6_type: { number: 29, bytes: 1, order: "big" },
  fib_addrtype: { number: 38, bytes: 4, order: "host" },
  ifname: { number: 41, bytes: 16, order: "host" },
} as const satisfies Readonly<Record<string, { number: number; bytes: number; order: "host" | "big" }>>;

export type NftDataType = keyof typeof TYPES;
/** Every type, for tests. */
export const DATA_TYPES: readonly NftDataType[] = Object.keys(TYPES).filter((name) => name in TYPES) as NftDataType[]; // keys of TYPES

/** TYPE_BITS: a concatenation is the numbers of its parts, six bits each, the first one highest. */
const TYPE_BITS = 6;
/** enum byteorder of nftables. */
const BYTEORDER = { invalid: 0, host: 1, big: 2 } as const;

export function typeNumber(types: readonly NftDataType[]): number {
  return types.reduce((number, type) => (number << TYPE_BITS) | TYPES[type].number, 0);
}

/** Undefined when a part is of a type that is not listed here. */
export function typesOfNumber(number: number): readonly NftDataType[] | undefined {
  const types: NftDataType[] = [];
  for (let rest = number; rest > 0; rest >>>= TYPE_BITS) {
    const part = rest & ((1 << TYPE_BITS) - 1);
    const type = DATA_TYPES.find((name) => TYPES[name].number === part);
    if (type === undefined) return undefined;
    types.unshift(type);
  }
  return types.length === 0 ? undefined : types;
}

/** Bytes of the parts as they lie behind each other, padding not counted. */
export function fieldBytes(types: readonly NftDataType[]): readonly number[] {
  return types.map((type) => TYPES[type].bytes);
}

/** Length of a key or value of these types. A single part is not padded. */
export function typeBytes(types: readonly NftDataType[]): number {
  const [first, ...others] = fieldBytes(types);
  if (first === undefined) throw new RangeError("Cannot size a set: no key type");
  return others.length === 0 ? first : [first, ...others].reduce((sum, bytes) => sum + pad4(bytes), 0);
}

/** What `nft` keeps about it in the set's user data: NFTNL_UDATA_SET_KEYBYTEORDER and …_DATABYTEORDER. */
export function typeByteorder(types: readonly NftDataType[] | undefined): number {
  const [first, second] = types ?? [];
  return first === undefined || second !== undefined ? BYTEORDER.invalid : BYTEORDER[TYPES[first].order];
}

/** The parts of a concatenated key or value: `concat(ipv4, [6], port)`. A single part stays as it is. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const [only, ...others] = parts;
  if (only !== undefined && others.length === 0) return only;
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + pad4(part.length), 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += pad4(part.length);
  }
  return bytes;
}

/** The parts of a concatenated key or value without their padding. */
export function splitConcat(types: readonly NftDataType[], bytes: Uint8Array): readonly Uint8Array[] {
  let at = 0;
  return fieldBytes(types).map((length) => {
    const part = bytes.subarray(at, at + length);
    at += pad4(length);
    return part;
  });
}

/** NFT_REG32_SIZE */
export function pad4(length: number): number {
  return (length + 3) & ~3;
}
