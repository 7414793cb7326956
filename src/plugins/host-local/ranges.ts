/**
 * Ranges of addresses to allocate from. A range set is a list of ranges of one family: it gives one address to a pod,
 * from whichever of its ranges has one left.
 * Defaults, checks and error texts as in the reference's host-local, because callers match on them.
 */
import {
  addressLength,
  addressToBigInt,
  bigIntToAddress,
  contains,
  familyOf,
  formatPrefix,
  type IpAddress,
  lastAddress,
  networkOf,
  type Prefix,
} from "#base/ip-address.ts";
import { CniError } from "#cni/cni-error.ts";

/** A range as it is configured. */
export interface RangeConfig {
  readonly subnet?: Prefix | undefined;
  /** First address to allocate; by default the one behind the network address. */
  readonly rangeStart?: IpAddress | undefined;
  /** Last address to allocate; by default the last of the subnet, without the broadcast address of IPv4. */
  readonly rangeEnd?: IpAddress | undefined;
  /** Never allocated. By default the first address behind the network address; need not be in the subnet. */
  readonly gateway?: IpAddress | undefined;
}

export interface AddressRange {
  readonly subnet: Prefix;
  readonly start: IpAddress;
  readonly end: IpAddress;
  readonly gateway: IpAddress;
  /** `start`, `end` and `gateway` as numbers; the gateway only when it is in the range. */
  readonly first: bigint;
  readonly last: bigint;
  readonly reserved: bigint | undefined;
}

export type RangeSet = readonly AddressRange[];

/** Throws CniError 7 with the texts of the reference. */
export function resolveRangeSets(
  configs: readonly (readonly RangeConfig[])[],
  cniVersion: string,
): readonly RangeSet[] {
  if (configs.length === 0) throw invalid("no IP ranges specified");
  const sets = configs.map(resolveRangeSet);
  const families = sets.map((set) => set[0]?.subnet.family);
  const severalPerFamily = new Set(families).size < families.length;
  if (severalPerFamily && (cniVersion === "0.1.0" || cniVersion === "0.2.0")) {
    throw invalid(`CNI version ${cniVersion} does not support more than 1 address per family`);
  }
  for (const [index, set] of sets.entries()) {
    const other = sets.findIndex((one, at) => at > index && one.some((range) => findOverlap(set, range) !== undefined));
    if (other !== -1) throw invalid(`range set ${index} overlaps with ${other}`);
  }
  return sets;
}

/** The range of the set that holds the address. */
export function findRange(set: RangeSet, address: IpAddress): AddressRange | undefined {
  const value = addressToBigInt(address);
  return set.find(({ subnet, first, last }) => subnet.family === familyOf(address) && first <= value && value <= last);
}

/** `10.1.0.1-10.1.0.254,10.2.0.1-10.2.0.254` */
export function formatRangeSet(set: RangeSet): string {
  return set.map(formatRange).join(",");
}

/** How many addresses the set can give away. */
export function capacity(set: RangeSet): bigint {
  return set.reduce((sum, { first, last, reserved }) => sum + last - first + (reserved === undefined ? 1n : 0n), 0n);
}

function resolveRangeSet(configs: readonly RangeConfig[], index: number): RangeSet {
  try {
    if (configs.length === 0) throw invalid("empty range set");
    const ranges: AddressRange[] = [];
    for (const config of configs) ranges.push(resolveRange(config));
    if (new Set(ranges.map((range) => range.subnet.family)).size > 1) throw invalid("mixed address families");
    for (const [at, range] of ranges.entries()) {
      const other = findOverlap(ranges.slice(at + 1), range);
      if (other !== undefined) throw invalid(`subnets ${formatRange(range)} and ${formatRange(other)} overlap`);
    }
    return ranges;
  } catch (cause) {
    if (!(cause instanceof CniError)) throw cause;
    throw new CniError(cause.code, `invalid range set ${index}: ${cause.message}`, cause.details, { cause });
  }
}

function resolveRange(config: RangeConfig): AddressRange {
  const { subnet } = config;
  if (subnet === undefined) throw invalid('a range has no "subnet"');
  if (subnet.length > addressLength(subnet.family) - 2) {
    throw invalid(`Network ${formatPrefix(subnet)} too small to allocate from`);
  }
  const network = networkOf(subnet).address;
  if (network !== subnet.address) {
    throw invalid(
      `Network has host bits set. For a subnet mask of length ${subnet.length} the network address is ${network}`,
    );
  }
  const second = bigIntToAddress(subnet.family, addressToBigInt(network) + 1n);
  const { gateway = second, rangeStart: start = second, rangeEnd: end = defaultEnd(subnet) } = config;
  const [first, last] = [addressToBigInt(start), addressToBigInt(end)];
  if (!contains(subnet, start) || (contains(subnet, end) && first > last)) {
    throw invalid(`RangeStart ${start} not in network ${formatPrefix(subnet)}`);
  }
  if (!contains(subnet, end)) throw invalid(`RangeEnd ${end} not in network ${formatPrefix(subnet)}`);
  const gatewayValue = addressToBigInt(gateway);
  const inRange = familyOf(gateway) === subnet.family && first <= gatewayValue && gatewayValue <= last;
  return { subnet, start, end, gateway, first, last, reserved: inRange ? gatewayValue : undefined };
}

function defaultEnd(subnet: Prefix): IpAddress {
  const last = lastAddress(subnet);
  return subnet.family === 6 ? last : bigIntToAddress(4, addressToBigInt(last) - 1n);
}

function findOverlap(set: RangeSet, range: AddressRange): AddressRange | undefined {
  return set.find(
    (one) => one.subnet.family === range.subnet.family && one.first <= range.last && range.first <= one.last,
  );
}

function formatRange({ start, end }: AddressRange): string {
  return `${start}-${end}`;
}

function invalid(message: string): CniError {
  return new CniError("invalidConfig", message);
}
