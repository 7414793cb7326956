/**
 * Who can be at the ends of connections: the pods, and for addresses outside one stand-in for each group that no rule
 * tells apart. The stand-ins come from the edges of the ranges that rules name.
 */
import {
  addressLength,
  addressToBigInt,
  bigIntToAddress,
  contains,
  type Family,
  familyOf,
  type IpAddress,
  lastAddress,
  type Prefix,
  parseAddress,
  parsePrefix,
} from "#base/ip-address.ts";
import { isInSet } from "./match-rule.ts";
import type { PolicyWorld } from "./policy-world.ts";
import type { AddressSet, RuleModel } from "./rule-model.ts";

export interface End {
  /** `namespace/pod`, or the address. */
  readonly name: string;
  /** Whom a stand-in stands for: `in 192.0.2.0/24`, `elsewhere`. */
  readonly group?: string;
  readonly kind: "pod" | "outside";
  readonly addresses: readonly IpAddress[];
}

/** Documentation addresses, for "anywhere else". */
const ELSEWHERE = ["203.0.113.77", "2001:db8:77::77"].map(parseAddress);

/** Nobody talks to pods from there: this host, loopback, link-local, multicast and reserved (RFC 6890). */
const UNROUTABLE = ["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "::/127", "fe80::/10", "ff00::/8"].map(
  parsePrefix,
);

export function podEnds(world: PolicyWorld): readonly End[] {
  return [...world.pods.values()]
    .filter(({ isHostNetwork, isFinished, addresses }) => !isHostNetwork && !isFinished && addresses.length > 0)
    .map(({ id, addresses }): End => ({ name: id, kind: "pod", addresses }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

export interface Outside {
  /** Addresses that are ends in any case. */
  readonly given?: readonly IpAddress[];
  /** Whether somebody outside can have the address. */
  isOutside?(address: IpAddress): boolean;
}

/** Those given, and one for each other group of addresses that the rules of none of the models tell apart. */
export function outsideEnds(models: readonly RuleModel[], { given = [], isOutside }: Outside = {}): readonly End[] {
  const taken = new Set(models.flatMap(({ pods }) => [...pods.values()].flatMap(({ addresses }) => addresses)));
  const groupOf = (address: IpAddress): string => `${familyOf(address)} ${blocksAround(models, address).join("; ")}`;
  const groups = new Set(given.map(groupOf));
  const ends = given.map((address): End => ({ name: address, kind: "outside", addresses: [address] }));
  const prefixes = models.flatMap(({ addressSets }) => [...addressSets.values()].flatMap(prefixesOf));
  // Inner addresses first: they look less odd than .0 as examples.
  const candidates = [...ELSEWHERE, ...prefixes.map(innerOf), ...prefixes.flatMap(edgesOf)];
  for (const address of candidates) {
    const group = groupOf(address);
    if (groups.has(group) || taken.has(address) || isUnroutable(address) || isOutside?.(address) === false) continue;
    groups.add(group);
    const inside = blocksAround(models, address);
    const place = inside.length === 0 ? "elsewhere" : `in ${inside.join("; ")}`;
    ends.push({ name: address, group: place, kind: "outside", addresses: [address] });
  }
  return ends;
}

export function addressOf({ addresses }: End, family: Family): IpAddress | undefined {
  return addresses.find((address) => familyOf(address) === family);
}

function isUnroutable(address: IpAddress): boolean {
  return UNROUTABLE.some((prefix) => contains(prefix, address));
}

function blocksAround(models: readonly RuleModel[], address: IpAddress): readonly string[] {
  const ids = models.flatMap(({ addressSets }) =>
    [...addressSets].flatMap(([id, set]) => (isInSet(set, address) ? [id] : [])),
  );
  return [...new Set(ids)].sort();
}

function prefixesOf(set: AddressSet): readonly Prefix[] {
  return set.kind === "addresses" ? [] : [set.cidr, ...set.except];
}

function innerOf(prefix: Prefix): IpAddress {
  const [first, last] = [addressToBigInt(prefix.address), addressToBigInt(lastAddress(prefix))];
  return bigIntToAddress(prefix.family, first + 1n > last ? last : first + 1n);
}

/** First and last, and those beside them. */
function edgesOf(prefix: Prefix): readonly IpAddress[] {
  const max = (1n << BigInt(addressLength(prefix.family))) - 1n;
  const [first, last] = [addressToBigInt(prefix.address), addressToBigInt(lastAddress(prefix))];
  const values = [first, last, first - 1n, last + 1n];
  return values.filter((value) => value >= 0n && value <= max).map((value) => bigIntToAddress(prefix.family, value));
}
