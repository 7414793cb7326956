/** The elements of the table: what each Service has in its sets, counted, because Services share some of them. */
import { addressBytes, formatAddress, hostPrefix, type IpAddress } from "#base/ip-address.ts";
import { concat } from "#kernel/nfnetlink/data-type.ts";
import type { NftOperation } from "#kernel/nfnetlink/operation.ts";
import type { NftSetElement } from "#kernel/nfnetlink/set-element.ts";
import type { ServiceProtocol } from "#service/service-port.ts";
import type { ServiceProxyNode } from "../contract.ts";
import { FAMILIES } from "../nftables/service-table.ts";
import { IPVS_TABLE, intervalsOf, ipvsSets, rangesOf } from "./ipvs-table.ts";
import type { RenderedService } from "./render-frontends.ts";

export interface TableElement {
  readonly set: string;
  readonly element: NftSetElement;
}

export interface CountedElement extends TableElement {
  readonly count: number;
}
/** By `tableElementText`. */
export type ElementCounts = Map<string, CountedElement>;

/** IPPROTO_ */
const PROTOCOL_NUMBERS: Readonly<Record<ServiceProtocol, number>> = { TCP: 6, UDP: 17, SCTP: 132 };

export function serviceElements({ frontends, hairpins }: RenderedService): readonly TableElement[] {
  const elements: TableElement[] = [];
  for (const { virtual, verdict: chain, sourceRanges, isBound, owner } of frontends) {
    const { family, address, protocol, port } = virtual.service;
    const sets = ipvsSets(family);
    const key = [
      addressBytes(address),
      Uint8Array.of(PROTOCOL_NUMBERS[protocol]),
      Uint8Array.of(port >> 8, port & 0xff),
    ];
    const data = { verdict: "goto", chain } as const;
    elements.push({ set: sets.frontends, element: { key: concat(...key), data, comment: owner } });
    if (isBound) elements.push({ set: sets.serviceAddresses, element: { key: addressBytes(address) } });
    for (const [from, to] of rangesOf(sourceRanges ?? [], family)) {
      elements.push({ set: sets.sourceRanges, element: { key: concat(...key, from), keyEnd: concat(...key, to) } });
    }
  }
  for (const address of hairpins) {
    const bytes = addressBytes(address);
    elements.push({ set: ipvsSets(hostPrefix(address).family).hairpin, element: { key: concat(bytes, bytes) } });
  }
  return elements;
}

/** Elements of the sets that belong to the node, by set. */
export function ipvsNodeElements(node: ServiceProxyNode): ReadonlyMap<string, readonly NftSetElement[]> {
  return new Map(
    FAMILIES.flatMap((family) => {
      const sets = ipvsSets(family);
      return [
        [sets.podNetworks, intervalsOf(node.podNetworks, family)] as const,
        [sets.nodePods, intervalsOf(node.nodePods, family)] as const,
        [sets.serviceNetworks, intervalsOf(node.serviceNetworks, family)] as const,
      ];
    }),
  );
}

/** All of an element that matters: one with another verdict or owner is another one. */
export function tableElementText({ set, element }: TableElement): string {
  const { key, keyEnd = key, data, flags, comment = "" } = element;
  const target = data !== undefined && "verdict" in data ? `${data.verdict} ${data.chain ?? ""}` : "";
  return [set, hex(key), hex(keyEnd), flags?.includes("interval-end") ? "end" : "", target, comment].join(" ");
}

function hex(bytes: Uint8Array = new Uint8Array()): string {
  return Buffer.from(bytes).toString("hex");
}

export interface ElementChanges {
  readonly removed: readonly TableElement[];
  readonly added: readonly TableElement[];
  /** To be called once the kernel has it. */
  readonly keep: () => void;
}

export function planElements(
  counts: ElementCounts,
  before: Iterable<TableElement>,
  after: Iterable<TableElement>,
): ElementChanges {
  const changed: ElementCounts = new Map();
  const step = (one: TableElement, by: 1 | -1): void => {
    const text = tableElementText(one);
    const count = changed.get(text)?.count ?? counts.get(text)?.count ?? 0;
    changed.set(text, { ...one, count: count + by });
  };
  for (const one of before) step(one, -1);
  for (const one of after) step(one, 1);
  const entries = [...changed];
  return {
    removed: entries.filter(([text, { count }]) => count === 0 && counts.has(text)).map(([, one]) => one),
    added: entries.filter(([text, { count }]) => count > 0 && !counts.has(text)).map(([, one]) => one),
    keep() {
      for (const [text, one] of entries) {
        if (one.count === 0) counts.delete(text);
        else counts.set(text, one);
      }
    },
  };
}

/** Deleted before added: the same key may be both. */
export function elementOperations({ removed, added }: Omit<ElementChanges, "keep">): readonly NftOperation[] {
  const bySet = (elements: readonly TableElement[]) => [...Map.groupBy(elements, ({ set }) => set)];
  return [
    ...bySet(removed).map(([set, elements]): NftOperation => {
      const keys = elements.map(({ element: { key, keyEnd } }) => ({ key, keyEnd }));
      return { do: "delete elements", set: { ...IPVS_TABLE, set }, elements: keys };
    }),
    ...bySet(added).map(([set, elements]): NftOperation => {
      const ofSet = elements.map(({ element }) => element);
      return { do: "create elements", set: { ...IPVS_TABLE, set }, elements: ofSet };
    }),
  ];
}

/** Addresses that these elements put on our link. */
export function boundAddresses(elements: Iterable<TableElement>): readonly IpAddress[] {
  const sets: ReadonlySet<string> = new Set(FAMILIES.map((family) => ipvsSets(family).serviceAddresses));
  return [...elements].flatMap(({ set, element: { key } }) => (sets.has(set) && key ? [formatAddress(key)] : []));
}
