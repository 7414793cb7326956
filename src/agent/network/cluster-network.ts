/**
 * What a cluster says about its pod network: the configuration of all, this node's part, and the other nodes. Where it
 * comes from, the Kubernetes API or etcd, is the source's business.
 */
import type { IpAddress, Prefix } from "#base/ip-address.ts";
import type { Backend, PerFamily } from "#dataplane/contract.ts";
import type { NodeAnnouncement } from "#dataplane/flannel-formats.ts";
import type { FlannelNetConf } from "#dataplane/flannel-net-conf.ts";

/** What a node says of itself, Flannel's part and ours. */
export interface Announcement extends NodeAnnouncement {
  /** Back ends by which packets reach it; at least `backend`. */
  readonly receives: readonly Backend[];
}

export interface ClusterNode {
  readonly name: string;
  readonly podPrefixes: PerFamily<Prefix>;
  /** Undefined while no agent has announced it. */
  readonly announcement: Announcement | undefined;
  /** Why what it announces cannot be used. */
  readonly problem?: string | undefined;
}

export interface OwnNode extends ClusterNode {
  /** Addresses of the node by which others know it. */
  readonly internalAddresses: PerFamily<IpAddress>;
  /** Addresses to announce instead of those of its links: the node is behind address translation. */
  readonly publicAddresses: PerFamily<IpAddress>;
}

export interface ClusterNetwork {
  readonly conf: FlannelNetConf;
  readonly own: OwnNode;
  /** All other nodes, complete. */
  readonly others: readonly ClusterNode[];
  /** Of the configuration: what is used instead of what cannot be. */
  readonly problems: readonly string[];
}

/** `waiting` names what is missing. Until everything was there once, nothing may be deleted. */
export type Snapshot =
  | { readonly state: "waiting"; readonly reason: string }
  | { readonly state: "complete"; readonly network: ClusterNetwork };

export interface SubnetSource extends AsyncDisposable {
  /** "ConfigMap kube-system/podwire", or the endpoints of etcd. */
  readonly description: string;
  snapshot(): Snapshot;
  /** Tells the cluster how this node is reached. Writes nothing when it is known. Answers what it wrote. */
  announce(announcement: Announcement, signal: AbortSignal): Promise<readonly string[]>;
  /** Gives up its connections: they were made from an address that the node no longer has, and nobody answers there. */
  reconnect?(): void;
}

export interface SourceListener {
  /** The snapshot may be another one. */
  changed(): void;
}
