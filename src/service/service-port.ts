/**
 * What a node does with the traffic of one port of one Service in one family: the answer of `compileService`, and all
 * that a proxy needs to know. Every rule of Kubernetes about which endpoints serve whom (readiness, termination, topology,
 * traffic policies) is applied already; what is left is which packets are meant, where they go, and whose address they carry.
 * Source: https://kubernetes.io/docs/reference/networking/virtual-ips/
 */
import type { Family, IpAddress, Prefix } from "#base/ip-address.ts";

export const SERVICE_PROTOCOLS = ["TCP", "UDP", "SCTP"] as const;
export type ServiceProtocol = (typeof SERVICE_PROTOCOLS)[number];

/** One pod's port. */
export interface Backend {
  readonly address: IpAddress;
  /** 1–65535 */
  readonly port: number;
}

export type FrontendKind = "clusterIP" | "nodePort" | "externalIP" | "loadBalancer";

/** Where clients send to. */
export interface Frontend {
  readonly kind: FrontendKind;
  /** Absent for nodePort: each address of the node that node ports listen on. */
  readonly address?: IpAddress | undefined;
  /** 1–65535 */
  readonly port: number;
  /**
   * Who serves: `cluster` the backends of the cluster, `local` those of this node. For traffic from outside, `local` keeps
   * the client's address and drops when this node has none; traffic of this node and its pods to such a frontend is served
   * by `cluster`. For a clusterIP, `local` holds for everybody (internalTrafficPolicy).
   */
  readonly traffic: "cluster" | "local";
  /** Only these clients, everybody when absent; the node itself is always let in. loadBalancerSourceRanges. */
  readonly sourceRanges?: readonly Prefix[] | undefined;
}

export interface ServicePort {
  /** `namespace/name:port/PROTOCOL/family`, as in `default/web:http/TCP/4`: unique, and the owner's name in the kernel. */
  readonly id: string;
  readonly family: Family;
  readonly protocol: ServiceProtocol;
  readonly frontends: readonly Frontend[];
  /** In the order of the addresses, without duplicates. Both lists empty: connections are refused. */
  readonly cluster: readonly Backend[];
  /** Those that run on this node. */
  readonly local: readonly Backend[];
  /** sessionAffinity ClientIP; seconds, 1–86400. */
  readonly affinityTimeoutSeconds?: number | undefined;
}

/** Everything that this node serves, by id. */
export type ServicePorts = ReadonlyMap<string, ServicePort>;

/** Service ports that are new or other, and (undefined) those that are no more. */
export type ServicePortChanges = ReadonlyMap<string, ServicePort | undefined>;
