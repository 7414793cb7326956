/**
 * What the kernel knows in every namespace of a cluster, read at one time: links and which are each other's ends,
 * addresses, routes, neighbours, forwarding databases, firewall rules, settings. All that a packet's path depends on.
 */
import type { IpAddress, Prefix } from "#base/ip-address.ts";
import type { NftChain } from "#kernel/nfnetlink/chain.ts";
import type { NftRule } from "#kernel/nfnetlink/rule.ts";
import type { NftSet } from "#kernel/nfnetlink/set.ts";
import type { NftSetElement } from "#kernel/nfnetlink/set-element.ts";
import type { NftTable } from "#kernel/nfnetlink/table.ts";
import type { Address } from "#kernel/rtnetlink/address.ts";
import type { FdbEntry } from "#kernel/rtnetlink/fdb.ts";
import type { Link } from "#kernel/rtnetlink/link.ts";
import type { Neighbour } from "#kernel/rtnetlink/neighbour.ts";
import type { Route } from "#kernel/rtnetlink/route.ts";
import type { Rule } from "#kernel/rtnetlink/rule.ts";

export type NamespaceRole = "pod" | "node" | "underlay" | "outside";

export interface NftSetFacts extends NftSet {
  readonly elements: readonly NftSetElement[];
}

export interface NftTableFacts extends NftTable {
  readonly chains: readonly NftChain[];
  readonly rules: readonly NftRule[];
  readonly sets: readonly NftSetFacts[];
}

/** The other end of a veth. */
export interface LinkEnd {
  readonly namespace: string;
  readonly ifindex: number;
}

export interface NamespaceFacts {
  /** `node1`, `pod default/web`, `underlay`, `outside`: unique in the world. */
  readonly name: string;
  readonly role: NamespaceRole;
  readonly links: readonly Link[];
  readonly addresses: readonly Address[];
  /** Of all tables. */
  readonly routes: readonly Route[];
  readonly rules: readonly Rule[];
  readonly neighbours: readonly Neighbour[];
  readonly fdb: readonly FdbEntry[];
  readonly tables: readonly NftTableFacts[];
  /** By the path below net/: `ipv4/ip_forward`, `ipv4/conf/eth0/rp_filter`. */
  readonly sysctls: Readonly<Record<string, number>>;
  /** By ifindex of this namespace's end; without those that lead to a namespace that was not read. */
  readonly peers: ReadonlyMap<number, LinkEnd>;
}

/** A node as its cluster knows it, whether it can be read or not. */
export interface NodeFacts {
  readonly name: string;
  readonly underlayAddresses: readonly IpAddress[];
  readonly podPrefixes: readonly Prefix[];
}

export interface WorldFacts {
  readonly namespaces: ReadonlyMap<string, NamespaceFacts>;
  readonly nodes: readonly NodeFacts[];
  /** Why a namespace could not be read, by its name. */
  readonly missing: ReadonlyMap<string, string>;
}

export function findLinkByName(namespace: NamespaceFacts, name: string): Link | undefined {
  return namespace.links.find((link) => link.name === name);
}

export function findLinkByIndex(namespace: NamespaceFacts, ifindex: number | undefined): Link | undefined {
  return namespace.links.find((link) => link.ifindex === ifindex);
}

/** Every place that has the address: more than one is an error. */
export function ownersOf(world: WorldFacts, address: IpAddress): readonly { namespace: NamespaceFacts; link: Link }[] {
  return [...world.namespaces.values()].flatMap((namespace) =>
    namespace.addresses
      .filter(({ prefix }) => prefix.address === address)
      .flatMap(({ ifindex }) => {
        const link = findLinkByIndex(namespace, ifindex);
        return link === undefined ? [] : [{ namespace, link }];
      }),
  );
}
