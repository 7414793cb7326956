/** Where the pod network's subnets and configuration come from, by what the agent was started with. */
import type { ApiClient } from "#api-client/api-client.ts";
import type { Family, IpAddress, Prefix } from "#base/ip-address.ts";
import { parsePrefix } from "#base/ip-address.ts";
import type { Log } from "#base/log.ts";
import { CniError } from "#cni/cni-error.ts";
import type { PerFamily } from "#dataplane/contract.ts";
import { loadSubnetEnv } from "#plugins/flannel/subnet-env.ts";
import { type Cluster, NoClusterError } from "../open-cluster.ts";
import { createApiSource } from "./api-source.ts";
import type { SourceListener, SubnetSource } from "./cluster-network.ts";
import { createEtcdGateway, type EtcdTls } from "./etcd/etcd-gateway.ts";
import { createEtcdSource } from "./etcd/etcd-source.ts";

export type SourceOptions =
  /** Absent file: the account of the pod that the agent runs in. */
  | {
      readonly type: "kubernetes";
      readonly kubeconfig: string | undefined;
      readonly annotationPrefix?: string | undefined;
    }
  | {
      readonly type: "etcd";
      readonly endpoints: readonly URL[];
      /** Without a slash at its end. */
      readonly prefix: string;
      readonly tls?: EtcdTls | undefined;
    }
  | { readonly type: "client"; readonly client: ApiClient };

export interface OpenSourceDeps {
  readonly nodeName: string;
  /** Needed for all sources but etcd. */
  readonly cluster: Cluster | undefined;
  /** Where an earlier run has written which subnets the node has. */
  readonly subnetFile: string;
  /** By which peers would reach this node. */
  readonly ownAddresses: (families: readonly Family[]) => PerFamily<IpAddress>;
  readonly log: Log;
}

export function openSource(options: SourceOptions, deps: OpenSourceDeps, listener: SourceListener): SubnetSource {
  const { nodeName, cluster, subnetFile, ownAddresses, log } = deps;
  switch (options.type) {
    case "client":
    case "kubernetes": {
      if (cluster === undefined) throw new NoClusterError();
      const annotationPrefix = options.type === "kubernetes" ? options.annotationPrefix : undefined;
      const source = createApiSource({ cluster, nodeName, annotationPrefix, log }, listener);
      return { ...source, reconnect: () => cluster.reconnect() };
    }
    case "etcd":
      return createEtcdSource(
        {
          gateway: createEtcdGateway(options),
          prefix: options.prefix,
          nodeName,
          ownAddresses,
          previous: () => previousSubnets(subnetFile),
          random: Math.random,
          log,
        },
        listener,
      );
  }
}

function previousSubnets(subnetFile: string): PerFamily<Prefix> {
  try {
    const subnets = loadSubnetEnv(subnetFile).subnets.map((text) => parsePrefix(text));
    const find = (family: Family): Prefix | undefined => subnets.find((subnet) => subnet.family === family);
    return { 4: find(4), 6: find(6) };
  } catch (error) {
    if (error instanceof CniError) return {}; // no file, or none that says anything
    throw error;
  }
}
