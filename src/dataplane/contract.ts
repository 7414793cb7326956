/**
 * What a data plane between nodes is: pods of this node reach pods of its peers and are reached by them, without address
 * translation. Each back end is one implementation. It gets the whole desired state, compares it with the kernel and
 * changes what differs. Several run side by side, each for the peers whose `backend` is its own.
 */
import type { Family, IpAddress, Prefix } from "#base/ip-address.ts";
import type { MacAddress } from "#base/mac-address.ts";

export const BACKENDS = ["vxlan", "host-gw", "udp"] as const;
/** Names as in Flannel's net-conf.json and annotations. */
export type Backend = (typeof BACKENDS)[number];

export const FAMILIES: readonly Family[] = [4, 6];
export type PerFamily<T> = { readonly [F in Family]?: T | undefined };

/** Where packets between nodes leave this one. */
export interface Underlay {
  /** Name of the link. */
  readonly link: string;
  /** This node's address on it, which its peers send to. */
  readonly address: IpAddress;
}

export interface LocalNode {
  readonly name: string;
  /** What this node's pods get their addresses from. */
  readonly podPrefixes: PerFamily<Prefix>;
  readonly underlay: PerFamily<Underlay>;
  /** As announced to the peers. Default: `vtepMac` of the node's name. */
  readonly vtepMacs?: PerFamily<MacAddress> | undefined;
}

export interface Peer {
  readonly name: string;
  /** How this node shall reach the peer. */
  readonly backend: Backend;
  readonly podPrefixes: PerFamily<Prefix>;
  readonly underlayAddresses: PerFamily<IpAddress>;
  readonly vtepMacs?: PerFamily<MacAddress> | undefined;
}

export interface DesiredNetwork {
  readonly local: LocalNode;
  /** All other nodes. Whoever is not in here is swept. */
  readonly peers: readonly Peer[];
}

/** Why a peer's pods cannot be reached, though the kernel took everything. */
export interface PeerProblem {
  readonly peer: string;
  readonly family: Family;
  /** A sentence with its remedy where there is one. */
  readonly reason: string;
}

export interface Applied {
  /** What was done, in the words of `ip` and `bridge`; empty when nothing differed. */
  readonly changes: readonly string[];
  readonly problems: readonly PeerProblem[];
}

/** A route of this data plane as the kernel has it. */
export interface ObservedPath {
  readonly destination: Prefix;
  /** Undefined on a link without next hops. */
  readonly gateway: IpAddress | undefined;
  readonly link: string;
  readonly linkMtuBytes: number;
}

/** Disposing ends what runs in this process and leaves the kernel as it is, for the next process to take over. */
export interface Connectivity extends AsyncDisposable {
  readonly backend: Backend;
  /** Largest packet of a pod that reaches every peer whole: the smallest of the node's families. Follows the underlay. */
  podMtuBytes(local: LocalNode): number;
  /**
   * Makes it so: first what is missing, then away with what is left over. No write where nothing differs. Routes to a peer
   * of another back end stay until that one replaces them in one step, so no packet is lost in a change. With no peers of
   * its own it still receives. Rejects with AggregateError after having tried everything.
   */
  apply(desired: DesiredNetwork, signal: AbortSignal): Promise<Applied>;
  /** What `apply` would do now. */
  drift(desired: DesiredNetwork): Applied;
  /** This data plane's routes in the kernel, of this process or an earlier one. */
  observe(): readonly ObservedPath[];
  /** Takes everything of this data plane out of the kernel, also what an earlier process left. */
  remove(signal: AbortSignal): Promise<void>;
}
