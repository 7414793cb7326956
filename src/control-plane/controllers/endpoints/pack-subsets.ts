/**
 * Addresses and ports of pods as subsets of Endpoints: addresses that serve the same ports are together, each once.
 * Source: Kubernetes API reference, core/v1 EndpointSubset; documentation, "Service" (over-capacity endpoints).
 */
import type { EndpointSubset } from "#api/kinds/endpoints.ts";
import { addressBytes, parseAddress } from "#base/ip-address.ts";

export type EndpointAddress = NonNullable<EndpointSubset["addresses"]>[number];
export type SubsetPort = NonNullable<EndpointSubset["ports"]>[number];

export interface ServedAddress {
  readonly address: EndpointAddress;
  readonly isReady: boolean;
  readonly ports: readonly SubsetPort[];
}

/** In an order that depends only on what is in them. */
export function packSubsets(served: readonly ServedAddress[]): readonly EndpointSubset[] {
  const sorted = served
    .map(({ ports, ...one }) => {
      const texts = new Map(ports.map((port) => [JSON.stringify([port.name, port.port, port.protocol]), port]));
      const ordered = [...texts.keys()].sort().flatMap((text) => texts.get(text) ?? []);
      return { ...one, ports: ordered, key: JSON.stringify(ordered), place: placeOf(one.address) };
    })
    .sort((a, b) => compareText(a.place, b.place));
  const groups = Map.groupBy(sorted, ({ key }) => key);
  return [...groups.keys()].sort().flatMap((key) => {
    const group = groups.get(key) ?? [];
    const addresses = group.filter(({ isReady }) => isReady).map(({ address }) => address);
    const notReadyAddresses = group.filter(({ isReady }) => !isReady).map(({ address }) => address);
    const ports = group[0]?.ports ?? [];
    return [
      {
        ...(addresses.length > 0 && { addresses }),
        ...(notReadyAddresses.length > 0 && { notReadyAddresses }),
        ...(ports.length > 0 && { ports }),
      },
    ];
  });
}

/** At most so many addresses, ready ones first; each subset keeps its share of them. */
export function truncateSubsets(
  subsets: readonly EndpointSubset[],
  capacity: number,
): { readonly subsets: readonly EndpointSubset[]; readonly isTruncated: boolean } {
  const ready = sum(subsets, ({ addresses = [] }) => addresses.length);
  const notReady = sum(subsets, ({ notReadyAddresses = [] }) => notReadyAddresses.length);
  if (ready + notReady <= capacity) return { subsets, isTruncated: false };
  const readyShares = sharesOf(
    subsets.map(({ addresses = [] }) => addresses.length),
    Math.min(ready, capacity),
  );
  const otherShares = sharesOf(
    subsets.map(({ notReadyAddresses = [] }) => notReadyAddresses.length),
    Math.max(0, capacity - ready),
  );
  const cut = subsets.map(({ addresses = [], notReadyAddresses = [], ports }, index): EndpointSubset => {
    const kept = addresses.slice(0, readyShares[index]);
    const keptOthers = notReadyAddresses.slice(0, otherShares[index]);
    return {
      ...(kept.length > 0 && { addresses: kept }),
      ...(keptOthers.length > 0 && { notReadyAddresses: keptOthers }),
      ...(ports !== undefined && { ports }),
    };
  });
  const isUsed = ({ addresses, notReadyAddresses }: EndpointSubset) =>
    addresses !== undefined || notReadyAddresses !== undefined;
  return { subsets: cut.filter(isUsed), isTruncated: true };
}

/** In proportion to the counts, rounded up until nothing is left. */
function sharesOf(counts: readonly number[], capacity: number): readonly number[] {
  const total = sum(counts, (count) => count);
  let left = capacity;
  return counts.map((count) => {
    const share = total === 0 ? 0 : Math.min(left, Math.ceil((count / total) * capacity));
    left -= share;
    return share;
  });
}

function sum<T>(all: readonly T[], count: (one: T) => number): number {
  return all.reduce((total, one) => total + count(one), 0);
}

/** Sorts addresses by number, as text. */
function placeOf({ ip, targetRef }: EndpointAddress): string {
  const number = ip.includes(":")
    ? Buffer.from(addressBytes(parseAddress(ip))).toString("hex")
    : ip
        .split(".")
        .map((octet) => octet.padStart(3, "0"))
        .join(".");
  return `${number} ${targetRef?.uid ?? ""}`;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
