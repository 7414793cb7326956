/**
 * How a running cluster is reached: whose namespaces are where, and what its API says about them. Whoever starts
 * clusters makes one of these; check and trace need nothing else.
 */
import type { IpAddress, Prefix } from "#base/ip-address.ts";
import type { NamespaceSource } from "#trace/facts/observe-world.ts";

/** An address that a node's agent has given out. */
export interface Attachment {
  readonly containerId: string;
  readonly ifname: string;
  readonly addresses: readonly IpAddress[];
  /** `namespace/name`, where the runtime has said so. */
  readonly pod?: string | undefined;
}

export interface AccessNode {
  readonly name: string;
  /** Undefined when the node does not run. */
  readonly netnsPath: string | undefined;
  readonly underlayAddresses: readonly IpAddress[];
  readonly podCidrs: readonly Prefix[];
  /** The agent's ledger; undefined where it was not asked. */
  readonly attachments?: readonly Attachment[] | undefined;
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
}

export interface ClusterAccess {
  readonly name: string;
  readonly nodes: readonly AccessNode[];
  readonly pods: readonly AccessPod[];
  /** A place that does not know the way to pods; undefined where the cluster has none. */
  readonly outside?: { readonly netnsPath: string; readonly addresses: readonly IpAddress[] } | undefined;
  /** Namespaces between the nodes, such as the underlay's bridge and router. */
  readonly between?: readonly { readonly name: string; readonly netnsPath: string }[] | undefined;
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
