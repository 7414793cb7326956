/**
 * The cluster as policies see it: who has which labels, addresses and ports, and which rules there are. From API objects,
 * once, so that everything after works on plain data. Pods in the node's own network are not told apart from the node
 * (they are never selected), and pods that have ended have no addresses any more: somebody else may get them.
 */

import type { ClusterNetworkPolicy } from "#api/kinds/cluster-network-policy/cluster-network-policy.ts";
import { NAMESPACE_NAME_LABEL, type Namespace } from "#api/kinds/namespace.ts";
import type { NetworkPolicy } from "#api/kinds/network-policy.ts";
import type { Node } from "#api/kinds/node.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { Labels } from "#api/selectors/label-requirement.ts";
import { familyOf, type IpAddress, parseAddress } from "#base/ip-address.ts";
import type { PodId, PolicyId, PolicyProtocol } from "./rule-model.ts";

export interface WorldNamespace {
  readonly name: string;
  /** With `kubernetes.io/metadata.name`. */
  readonly labels: Labels;
}

export interface WorldPort {
  readonly name: string;
  readonly protocol: PolicyProtocol;
  readonly port: number;
}

export interface WorldPod {
  readonly id: PodId;
  readonly namespace: string;
  readonly labels: Labels;
  /** At most one of each family; none yet is fine. */
  readonly addresses: readonly IpAddress[];
  readonly node: string | undefined;
  /** In the node's own network: no policy selects it and no selector means it. */
  readonly isHostNetwork: boolean;
  /** Succeeded or Failed: as if it were gone. */
  readonly isFinished: boolean;
  /** Ports with names. */
  readonly ports: readonly WorldPort[];
}

export interface WorldNode {
  readonly name: string;
  readonly labels: Labels;
  readonly addresses: readonly IpAddress[];
}

export type WorldPolicy =
  | { readonly kind: "NetworkPolicy"; readonly id: PolicyId; readonly object: NetworkPolicy }
  | { readonly kind: "ClusterNetworkPolicy"; readonly id: PolicyId; readonly object: ClusterNetworkPolicy };

export interface PolicyWorld {
  readonly namespaces: ReadonlyMap<string, WorldNamespace>;
  readonly pods: ReadonlyMap<PodId, WorldPod>;
  readonly nodes: ReadonlyMap<string, WorldNode>;
  readonly policies: ReadonlyMap<PolicyId, WorldPolicy>;
}

export function worldNamespace({ metadata }: Namespace): WorldNamespace {
  return namespaceNamed(metadata.name ?? "", metadata.labels ?? {});
}

export function namespaceNamed(name: string, labels: Labels): WorldNamespace {
  return { name, labels: { ...labels, [NAMESPACE_NAME_LABEL]: name } };
}

export function worldPod({ metadata, spec, status }: Pod): WorldPod {
  const namespace = metadata.namespace ?? "default";
  // Sidecars are init containers that stay.
  const containers = [
    ...(spec.containers ?? []),
    ...(spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always"),
  ];
  return {
    id: podId(namespace, metadata.name ?? ""),
    namespace,
    labels: metadata.labels ?? {},
    addresses: podAddresses(status),
    node: spec.nodeName === "" ? undefined : spec.nodeName,
    isHostNetwork: spec.hostNetwork === true,
    isFinished: status?.phase === "Succeeded" || status?.phase === "Failed",
    ports: containers.flatMap(({ ports = [] }) =>
      ports.flatMap(({ name, protocol = "TCP", containerPort }) =>
        name === undefined || name === "" ? [] : [{ name, protocol, port: containerPort }],
      ),
    ),
  };
}

export function worldNode({ metadata, status }: Node): WorldNode {
  const addresses = (status?.addresses ?? []).filter(({ type }) => type === "InternalIP" || type === "ExternalIP");
  return {
    name: metadata.name ?? "",
    labels: metadata.labels ?? {},
    addresses: [...new Set(addresses.flatMap(({ address }) => findAddress(address)))],
  };
}

export function worldNetworkPolicy(object: NetworkPolicy): WorldPolicy {
  const { namespace = "default", name = "" } = object.metadata;
  return { kind: "NetworkPolicy", id: networkPolicyId(namespace, name), object };
}

export function worldClusterNetworkPolicy(object: ClusterNetworkPolicy): WorldPolicy {
  return { kind: "ClusterNetworkPolicy", id: clusterNetworkPolicyId(object.metadata.name ?? ""), object };
}

export function podId(namespace: string, name: string): PodId {
  return `${namespace}/${name}`;
}

export function networkPolicyId(namespace: string, name: string): PolicyId {
  return `networkpolicy/${namespace}/${name}`;
}

export function clusterNetworkPolicyId(name: string): PolicyId {
  return `clusternetworkpolicy/${name}`;
}

/** Neither in the node's own network nor ended: policies apply to it and selectors can mean it. */
export function isPolicyPod({ isHostNetwork, isFinished }: WorldPod): boolean {
  return !isHostNetwork && !isFinished;
}

/** The first of each family. */
function podAddresses(status: Pod["status"]): readonly IpAddress[] {
  const texts = status?.podIPs?.map(({ ip }) => ip) ?? (status?.podIP === undefined ? [] : [status.podIP]);
  const byFamily = new Map<number, IpAddress>();
  for (const address of texts.flatMap(findAddress)) {
    if (!byFamily.has(familyOf(address))) byFamily.set(familyOf(address), address);
  }
  return [...byFamily.values()];
}

/** Status is written by nodes: what is no address there is as good as absent. */
function findAddress(text: string): readonly IpAddress[] {
  try {
    return [parseAddress(text)];
  } catch {
    return [];
  }
}
