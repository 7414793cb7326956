/**
 * IPv4 and IPv6 addresses and prefixes, both families through one code path.
 * An `IpAddress` is its canonical text (RFC 5952 for IPv6), so that addresses compare with `===` and serve as keys.
 * Texts are read as Go's netip reads them, since CNI and Kubernetes do: no leading zeros, no zone,
 * and an IPv4-mapped IPv6 address (`::ffff:10.0.0.1`, RFC 4291 section 2.5.5.2) is the IPv4 address.
 */

export type Family = 4 | 6;

export type IpAddress = string & { readonly __brand: "IpAddress" };

/** An address and the length of its network part. Host bits are kept: `10.1.0.5/16`. */
export interface Prefix {
  readonly family: Family;
  readonly address: IpAddress;
  /** Bits. */
  readonly length: number;
}

export class AddressError extends Error {
  override readonly name = "AddressError";
  readonly text: string;

  constructor(what: string, text: string, reason: string) {
    super(`Cannot read ${what} ${JSON.stringify(text)}: ${reason}`);
    this.text = text;
  }
}

export function parseAddress(text: string): IpAddress {
  // Whatever is read as IPv4 is canonical.
  if (readIpv4Value(text) !== undefined) return brand(text);
  const bytes = readAddress(text);
  if (bytes === undefined) throw new AddressError("address", text, "it is neither IPv4 nor IPv6");
  return formatAddress(isMapped(bytes) ? bytes.subarray(12) : bytes);
}

/** As `isIP` of node:net without zones; that one takes milliseconds at its first use. */
export function isAddress(text: string): boolean {
  return readAddress(text) !== undefined;
}

/** Text of 4 or 16 bytes in network order. */
export function formatAddress(bytes: Uint8Array): IpAddress {
  const [first, second, third, fourth] = bytes;
  if (bytes.length === 4) return brand(`${first}.${second}.${third}.${fourth}`);
  if (bytes.length !== 16) {
    throw new AddressError("address", Buffer.from(bytes).toString("hex"), "it has neither 4 nor 16 bytes");
  }
  if (isMapped(bytes)) return brand(`::ffff:${bytes.subarray(12).join(".")}`);
  return brand(formatGroups(groupsOf(bytes)));
}

/** 4 or 16 bytes in network order. */
export function addressBytes(address: IpAddress): Uint8Array {
  const bytes = readAddress(address);
  if (bytes === undefined) throw new AddressError("address", address, "it is neither IPv4 nor IPv6");
  return bytes;
}

export function familyOf(address: IpAddress): Family {
  return address.includes(":") ? 6 : 4;
}

/** Bits in an address of the family. */
export function addressLength(family: Family): 32 | 128 {
  return family === 4 ? 32 : 128;
}

export function addressToBigInt(address: IpAddress): bigint {
  return BigInt(`0x${Buffer.from(addressBytes(address)).toString("hex")}`);
}

export function bigIntToAddress(family: Family, value: bigint): IpAddress {
  const hexDigits = addressLength(family) / 4;
  const hex = value.toString(16).padStart(hexDigits, "0");
  if (value < 0n || hex.length > hexDigits) {
    throw new AddressError("address", value.toString(), `it is outside the range of IPv${family}`);
  }
  return formatAddress(Buffer.from(hex, "hex"));
}

/** `10.1.0.5/16`; the length is required. */
export function parsePrefix(text: string): Prefix {
  const [addressText = "", lengthText, ...rest] = text.split("/");
  const bytes = readAddress(addressText);
  if (bytes === undefined || lengthText === undefined || rest.length > 0 || !/^\d{1,3}$/.test(lengthText)) {
    throw new AddressError("prefix", text, "it is not an address with a length, such as 10.1.0.0/16 or fd00::/64");
  }
  const mapped = isMapped(bytes);
  const length = Number(lengthText) - (mapped ? 96 : 0);
  const address = parseAddress(addressText);
  const family = familyOf(address);
  if (length < 0 || length > addressLength(family)) {
    throw new AddressError("prefix", text, `the length is not in ${mapped ? "96-128" : `0-${addressLength(family)}`}`);
  }
  return { family, address, length };
}

export function formatPrefix(prefix: Prefix): string {
  return `${prefix.address}/${prefix.length}`;
}

/** The prefix of one address: /32 or /128. */
export function hostPrefix(address: IpAddress): Prefix {
  const family = familyOf(address);
  return { family, address, length: addressLength(family) };
}

/** The same prefix with all host bits zero. */
export function networkOf(prefix: Prefix): Prefix {
  const value = readIpv4Value(prefix.address);
  if (value !== undefined) return { ...prefix, address: formatIpv4(value & ~hostMaskOfIpv4(prefix)) };
  const network = addressToBigInt(prefix.address) & ~hostMask(prefix);
  return { ...prefix, address: bigIntToAddress(prefix.family, network) };
}

/** The address with all host bits one: the broadcast address of an IPv4 network. */
export function lastAddress(prefix: Prefix): IpAddress {
  const value = readIpv4Value(prefix.address);
  if (value !== undefined) return formatIpv4(value | hostMaskOfIpv4(prefix));
  return bigIntToAddress(prefix.family, addressToBigInt(prefix.address) | hostMask(prefix));
}

export function contains(prefix: Prefix, address: IpAddress): boolean {
  if (familyOf(address) !== prefix.family) return false;
  const [one, other] = [addressBytes(address), addressBytes(prefix.address)];
  const wholeBytes = prefix.length >> 3;
  for (let index = 0; index < wholeBytes; index++) if (one[index] !== other[index]) return false;
  const bits = prefix.length & 7;
  return bits === 0 || ((one[wholeBytes] ?? 0) ^ (other[wholeBytes] ?? 0)) >> (8 - bits) === 0;
}

export function overlaps(a: Prefix, b: Prefix): boolean {
  return a.length <= b.length ? contains(a, b.address) : contains(b, a.address);
}

function hostMask(prefix: Prefix): bigint {
  return (1n << BigInt(addressLength(prefix.family) - prefix.length)) - 1n;
}

/** As the low 32 bits of a number, which may be negative. */
function hostMaskOfIpv4({ length }: Prefix): number {
  return length === 0 ? -1 : 2 ** (32 - length) - 1;
}

// The only way to an IpAddress: every caller passes canonical text.
function brand(canonical: string): IpAddress {
  return canonical as IpAddress;
}

function isMapped(bytes: Uint8Array): boolean {
  return (
    bytes.length === 16 && bytes[10] === 0xff && bytes[11] === 0xff && bytes.subarray(0, 10).every((byte) => byte === 0)
  );
}

function readAddress(text: string): Uint8Array | undefined {
  return text.includes(":") ? readIpv6(text) : readIpv4(text);
}

function readIpv4(text: string): Uint8Array | undefined {
  const value = readIpv4Value(text);
  return value === undefined ? undefined : Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

const DOT = ".".charCodeAt(0);
const ZERO = "0".charCodeAt(0);

/** 0 to 2^32 - 1. Character by character: dozens of addresses are read for each pod. */
function readIpv4Value(text: string): number | undefined {
  let value = 0;
  let dots = 0;
  let octet: number | undefined;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === DOT) {
      if (octet === undefined || dots === 3) return undefined;
      value = value * 256 + octet;
      octet = undefined;
      dots += 1;
      continue;
    }
    const digit = code - ZERO;
    // No digit follows a leading zero.
    if (digit < 0 || digit > 9 || octet === 0) return undefined;
    octet = (octet ?? 0) * 10 + digit;
    if (octet > 255) return undefined;
  }
  return octet === undefined || dots < 3 ? undefined : value * 256 + octet;
}

/** From the low 32 bits of the number. */
function formatIpv4(value: number): IpAddress {
  return brand(`${value >>> 24}.${(value >>> 16) & 0xff}.${(value >>> 8) & 0xff}.${value & 0xff}`);
}

/** RFC 4291 section 2.2, all three forms. */
function readIpv6(text: string): Uint8Array | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half, index) => readGroups(half, index === halves.length - 1));
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined;
  const missing = 8 - head.length - (tail?.length ?? 0);
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...new Array<number>(missing).fill(0), ...(tail ?? [])];
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

/** Groups between colons; the last may be an IPv4 address, which stands for two, where the text ends. */
function readGroups(text: string, atEnd: boolean): number[] | undefined {
  if (text === "") return [];
  const parts = text.split(":");
  const groups: number[] = [];
  for (const [index, part] of parts.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(part)) {
      groups.push(Number.parseInt(part, 16));
      continue;
    }
    const ipv4 = atEnd && index === parts.length - 1 ? readIpv4(part) : undefined;
    if (ipv4 === undefined) return undefined;
    groups.push(...groupsOf(ipv4));
  }
  return groups;
}

function groupsOf(bytes: Uint8Array): number[] {
  return Array.from({ length: bytes.length / 2 }, (_, index) => Buffer.from(bytes).readUInt16BE(index * 2));
}

/** RFC 5952 section 4: lower case, and `::` for the first longest run of two or more zero groups. */
function formatGroups(groups: readonly number[]): string {
  let start = 0;
  let length = 0;
  for (let at = 0; at < groups.length; at += 1) {
    let run = 0;
    while (groups[at + run] === 0) run += 1;
    if (run > length) [start, length] = [at, run];
  }
  const hex = groups.map((group) => group.toString(16));
  if (length < 2) return hex.join(":");
  return `${hex.slice(0, start).join(":")}::${hex.slice(start + length).join(":")}`;
}
