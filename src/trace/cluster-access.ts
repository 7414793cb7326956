/**
 * How a running cluster is reached: whose namespaces are where, and what its API says about them. Whoever starts
 * clusters makes one of these; check and trace need nothing else.
 */
import type { IpAddress, Prefix } from "#base/ip-address.ts";
import type { NamespaceSource } from "./facts/observe-world.ts";
import type { PolicyDrop } from "./path/policy-of-drop.ts";

/** An address that a node's agent has given out. */
export interface Attachment {
  readonly containerId: string;
  readonly ifname: string;
  readonly addresses: readonly IpAddress[];
  /** `namespace/name`, where the runtime has said so. */
  readonly pod?: string | undefined;
}

/** What a node's agent has recorded of an attachment. */
export interface AttachmentRecord {
  readonly containerId: string;
  readonly ifname: string;
  readonly network: string;
}

export interface AccessNode {
  readonly name: string;
  /** Undefined when the node does not run. */
  readonly netnsPath: string | undefined;
  readonly underlayAddresses: readonly IpAddress[];
  readonly podCidrs: readonly Prefix[];
  /** Undefined where they were not read. */
  readonly attachments?: readonly Attachment[] | undefined;
  /** The agent's ledger, without what is under way; undefined where it was not asked. */
  readonly records?: readonly AttachmentRecord[] | undefined;
  /** Container ids of the pods that the runtime knows; undefined where it was not asked. */
  readonly sandboxIds?: ReadonlySet<string> | undefined;
}

export interface AccessPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly node: string;
  /** status.podIPs */
  readonly ips: readonly IpAddress[];
  /** Undefined when it has no sandbox. */
  readonly netnsPath: string | undefined;
  readonly isHostNetwork: boolean;
  /** status.phase; default: Running. */
  readonly phase?: string | undefined;
  /** It has a deletionTimestamp. Default: no. */
  readonly isBeingDeleted?: boolean | undefined;
}

/** Agents are asked only for `everything`: one that hangs takes its time. */
export type AccessLook = "everything" | "pods";

export interface ClusterAccess {
  readonly name: string;
  readonly nodes: readonly AccessNode[];
  readonly pods: readonly AccessPod[];
  /** A place that does not know the way to pods; undefined where the cluster has none. */
  readonly outside?: { readonly netnsPath: string; readonly addresses: readonly IpAddress[] } | undefined;
  /** Namespaces between the nodes, such as the underlay's bridge and router. */
  readonly between?: readonly { readonly name: string; readonly netnsPath: string }[] | undefined;
  /** As it is by then, with or without what the nodes' agents hold; undefined where nothing changes. */
  readonly again?: ((look: AccessLook, signal: AbortSignal) => Promise<ClusterAccess>) | undefined;
  /** What the nodes' agents have recorded of drops by policy since a time; undefined where nobody records them. */
  readonly drops?: ((sinceMicros: number, signal: AbortSignal) => Promise<readonly RecordedDrop[]>) | undefined;
}

/** A packet that a policy dropped. */
export interface RecordedDrop extends PolicyDrop {
  readonly node: string;
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly sourcePort?: number | undefined;
  readonly destinationPort?: number | undefined;
}

export function podName({ namespace, name }: Pick<AccessPod, "namespace" | "name">): string {
  return `pod ${namespace}/${name}`;
}

export const OUTSIDE_NAME = "outside";

/** All namespaces that can be read. Pods on the host's network are no namespaces of their own. */
export function namespacesOf({ nodes, pods, outside, between }: ClusterAccess): readonly NamespaceSource[] {
  return [
    ...nodes.map((node) => ({ name: node.name, role: "node" as const, netnsPath: node.netnsPath ?? "" })),
    ...pods
      .filter(({ isHostNetwork }) => !isHostNetwork)
      .map((pod) => ({ name: podName(pod), role: "pod" as const, netnsPath: pod.netnsPath ?? "" })),
    ...(between ?? []).map(({ name, netnsPath }) => ({ name, role: "underlay" as const, netnsPath })),
    ...(outside === undefined ? [] : [{ name: OUTSIDE_NAME, role: "outside" as const, netnsPath: outside.netnsPath }]),
  ];
}
