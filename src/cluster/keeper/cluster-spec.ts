/** What a cluster is to be, complete and valid; kept as JSON beside its state. Made by `parseClusterConfig`. */

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

export interface ClusterSpec {
  readonly name: string;
  readonly nodes: number;
  readonly network: NetworkSpec;
  /** "etcd" is one that the cluster brings along; a URL names others. */
  readonly store: "sqlite" | "etcd" | `etcd://${string}`;
  /** One prefix, or one of each family: IPv4 first. */
  readonly podCidrs: readonly string[];
  readonly serviceCidrs: readonly string[];
  /** Of the underlay's links. */
  readonly mtuBytes: number;
}

export function isDualStack({ podCidrs }: Pick<ClusterSpec, "podCidrs">): boolean {
  return podCidrs.length > 1;
}

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
