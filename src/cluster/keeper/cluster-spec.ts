/** What a cluster is to be, complete and valid; kept as JSON beside its state. Made by `parseClusterConfig`. */
import { addressToBigInt, bigIntToAddress, type IpAddress, networkOf, parsePrefix } from "#base/ip-address.ts";

export type NetworkSpec =
  | {
      readonly type: "vxlan";
      readonly vni: number;
      readonly port: number;
      /** Without encapsulation between nodes that have a direct way to each other. */
      readonly directRouting: boolean;
    }
  | { readonly type: "host-gw" }
  | { readonly type: "udp"; readonly port: number };

export const NETWORK_TYPES = ["vxlan", "host-gw", "udp"] as const satisfies readonly NetworkSpec["type"][];

/** How nodes translate Services; see #dataplane/services/contract.ts. */
export const SERVICE_PROXY_CHOICES = ["nftables", "iptables", "ipvs", "none"] as const;

/** Who enforces NetworkPolicies, and what they do to connections that they no longer allow. */
export const POLICY_CHOICES = ["nftables", "none"] as const;
export const ESTABLISHED_CHOICES = ["keep", "reevaluate"] as const;

/** Who answers for the cluster's names: each node itself, or what somebody deploys. */
export const DNS_CHOICES = ["podwire", "none"] as const;

export interface ClusterSpec {
  readonly name: string;
  readonly nodes: number;
  readonly network: NetworkSpec;
  /** "etcd" is one that the cluster brings along; a URL names others. */
  readonly store: "sqlite" | "etcd" | `etcd://${string}`;
  /** One prefix, or one of each family: IPv4 first. */
  readonly podCidrs: readonly string[];
  readonly serviceCidrs: readonly string[];
  readonly serviceProxy: (typeof SERVICE_PROXY_CHOICES)[number];
  readonly policy: (typeof POLICY_CHOICES)[number];
  readonly established: (typeof ESTABLISHED_CHOICES)[number];
  /** What Services of type LoadBalancer get their addresses from; none: they wait for them. */
  readonly loadBalancerPools: readonly string[];
  readonly dns: (typeof DNS_CHOICES)[number];
  /** Name servers of all other names; none: those are refused. */
  readonly dnsUpstream: readonly string[];
  /** Of the underlay's links. */
  readonly mtuBytes: number;
  /** Nodes and pods reach what this machine reaches, by address translation. */
  readonly uplink: boolean;
}

export function isDualStack({ podCidrs }: Pick<ClusterSpec, "podCidrs">): boolean {
  return podCidrs.length > 1;
}

/** Where the cluster's names are served: the tenth address of each service range, as kubeadm has it. */
export function dnsAddresses({ serviceCidrs }: Pick<ClusterSpec, "serviceCidrs">): readonly IpAddress[] {
  return serviceCidrs.map((text) => {
    const { family, address } = networkOf(parsePrefix(text));
    return bigIntToAddress(family, addressToBigInt(address) + 10n);
  });
}

export const CLUSTER_DOMAIN = "cluster.local";

export function nodeNames({ name, nodes }: Pick<ClusterSpec, "name" | "nodes">): readonly string[] {
  return Array.from({ length: nodes }, (_, index) => `${name}-${index + 1}`);
}

/** Flannel's configuration of the whole network, for the ConfigMap kube-system/podwire. */
export function netConf({ network, podCidrs }: Pick<ClusterSpec, "network" | "podCidrs">): string {
  const [ipv4, ipv6] = podCidrs;
  const conf = {
    Network: ipv4,
    ...(ipv6 !== undefined && { EnableIPv6: true, IPv6Network: ipv6 }),
    Backend: backendOf(network),
  };
  return `${JSON.stringify(conf, undefined, 2)}\n`;
}

function backendOf(network: NetworkSpec) {
  switch (network.type) {
    case "vxlan":
      return { Type: network.type, VNI: network.vni, Port: network.port, DirectRouting: network.directRouting };
    case "udp":
      return { Type: network.type, Port: network.port };
    case "host-gw":
      return { Type: network.type };
  }
}
