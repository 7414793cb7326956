/**
 * Which subnets a node takes, where no API gives them: those that it has, by its address; those it had before; else any
 * of the first free ones, by chance, so that nodes which start together seldom meet. Pure.
 */
import {
  addressToBigInt,
  bigIntToAddress,
  contains,
  type Family,
  familyOf,
  overlaps,
  type Prefix,
} from "#base/ip-address.ts";
import { FAMILIES, type PerFamily } from "#dataplane/contract.ts";
import type { FlannelNetwork } from "#dataplane/flannel-net-conf.ts";

/** Of so many free ones one is chosen, as flanneld does. */
const CANDIDATES = 100;

export interface SubnetWishes {
  readonly networks: PerFamily<FlannelNetwork>;
  /** Of all other nodes. */
  readonly taken: readonly PerFamily<Prefix>[];
  /** Of an earlier run, from subnet.env. */
  readonly previous: PerFamily<Prefix>;
  /** From 0 up to 1. */
  readonly random: () => number;
}

/** A text when there is none left. */
export function chooseSubnets({ networks, taken, previous, random }: SubnetWishes): PerFamily<Prefix> | string {
  const found: { [F in Family]?: Prefix } = {};
  for (const family of FAMILIES) {
    const network = networks[family];
    if (network === undefined) continue;
    const others = taken.flatMap((subnets) => subnets[family] ?? []);
    const isFree = (subnet: Prefix): boolean => !others.some((other) => overlaps(other, subnet));
    const before = previous[family];
    if (before && isPart(before, network) && isFree(before)) {
      found[family] = before;
      continue;
    }
    const free = freeSubnets(network, isFree);
    const chosen = free[Math.floor(random() * free.length)];
    if (chosen === undefined) return `all subnets of ${network.network.address}/${network.network.length} are taken`;
    found[family] = chosen;
  }
  return found;
}

/** Whether a lease still fits the configuration. */
export function isPart(subnet: Prefix, { network, subnetLength, subnetMin, subnetMax }: FlannelNetwork): boolean {
  if (subnet.length !== subnetLength || familyOf(subnet.address) !== network.family) return false;
  const at = addressToBigInt(subnet.address);
  return contains(network, subnet.address) && at >= addressToBigInt(subnetMin) && at <= addressToBigInt(subnetMax);
}

function freeSubnets(network: FlannelNetwork, isFree: (subnet: Prefix) => boolean): readonly Prefix[] {
  const { family } = network.network;
  const length = network.subnetLength;
  const size = 1n << BigInt((family === 4 ? 32 : 128) - length);
  const last = addressToBigInt(network.subnetMax);
  const found: Prefix[] = [];
  for (let at = addressToBigInt(network.subnetMin); at <= last && found.length < CANDIDATES; at += size) {
    const subnet = { family, address: bigIntToAddress(family, at), length };
    if (isFree(subnet)) found.push(subnet);
  }
  return found;
}
