/**
 * What every proxy has to do, as a table: a Service, who asks it and by which frontend, and what comes of it. Each row holds
 * for both families and for each protocol that can be spoken here.
 */
import type { FrontendKind } from "#service/service-port.ts";
import type { HostName, NodeName, PodName } from "./world.ts";

export interface ServiceSpec {
  /** Pods, or nodes for those in a host's network. */
  readonly endpoints: readonly (PodName | NodeName)[];
  readonly frontends: readonly FrontendSpec[];
  readonly affinitySeconds?: number;
  /** Default: 8080. */
  readonly targetPort?: 8080 | 8081;
}

export interface FrontendSpec {
  readonly kind: FrontendKind;
  /** Default: cluster. */
  readonly traffic?: "cluster" | "local";
  /** Whose addresses are let in; `networks` are whole prefixes. */
  readonly sources?: readonly (HostName | "pods of node1")[];
}

export interface Case {
  readonly title: string;
  readonly service: ServiceSpec;
  readonly from: HostName;
  /** The frontend that is asked; a node port at that node's address. */
  readonly to: FrontendKind;
  /** Default: node1. `loopback`: at 127.0.0.1 or ::1 of the asking node. */
  readonly nodePortOf?: NodeName | "loopback";
  /** Each of these answers sooner or later, and nobody else. */
  readonly expect: readonly HostName[] | "refused" | "dropped";
  /**
   * Whom the backend sees: the client itself, or the node that masquerades: its address in the backend's network. One address
   * where that node is the backend itself.
   */
  readonly seen?: "client" | NodeName;
}

const cluster = (kind: FrontendKind): readonly FrontendSpec[] => [{ kind }];
const local = (kind: FrontendKind): readonly FrontendSpec[] => [{ kind, traffic: "local" }];
const BOTH: readonly PodName[] = ["n1b", "n2b"];

const CLUSTER_IP: readonly Case[] = [
  ...(["n1a", "n2a"] as const).map(
    (from): Case => ({
      title: `a pod (${from}) reaches a clusterIP as itself`,
      service: { endpoints: BOTH, frontends: cluster("clusterIP") },
      from,
      to: "clusterIP",
      expect: BOTH,
      seen: "client",
    }),
  ),
  {
    title: "a node reaches a clusterIP by the address that leads to the pod",
    service: { endpoints: BOTH, frontends: cluster("clusterIP") },
    from: "node1",
    to: "clusterIP",
    expect: BOTH,
    seen: "node1",
  },
  {
    title: "outside reaches a clusterIP by the node's address",
    service: { endpoints: BOTH, frontends: cluster("clusterIP") },
    from: "outside",
    to: "clusterIP",
    expect: BOTH,
    seen: "node1",
  },
  {
    title: "a pod reaches itself by the clusterIP",
    service: { endpoints: ["n1b"], frontends: cluster("clusterIP") },
    from: "n1b",
    to: "clusterIP",
    expect: ["n1b"],
    seen: "node1",
  },
  {
    title: "a pod among the backends reaches the others as itself",
    service: { endpoints: ["n1a", "n1c", "n2a"], frontends: cluster("clusterIP") },
    from: "n1b",
    to: "clusterIP",
    expect: ["n1a", "n1c", "n2a"],
    seen: "client",
  },
  {
    title: "a clusterIP leads to another port",
    service: { endpoints: BOTH, frontends: cluster("clusterIP"), targetPort: 8081 },
    from: "n1a",
    to: "clusterIP",
    expect: BOTH,
    seen: "client",
  },
  {
    title: "a clusterIP leads to a node's own network",
    service: { endpoints: ["node2"], frontends: cluster("clusterIP") },
    from: "n1a",
    to: "clusterIP",
    expect: ["node2"],
    seen: "client",
  },
  ...(["n1a", "node1", "outside"] as const).map(
    (from): Case => ({
      title: `a clusterIP without endpoints refuses ${from}`,
      service: { endpoints: [], frontends: cluster("clusterIP") },
      from,
      to: "clusterIP",
      expect: "refused",
    }),
  ),
  ...(["n1a", "node1"] as const).map(
    (from): Case => ({
      title: `a clusterIP that no Service has refuses ${from}`,
      service: { endpoints: BOTH, frontends: cluster("externalIP") },
      from,
      to: "clusterIP",
      expect: "refused",
    }),
  ),
  {
    title: "internalTrafficPolicy Local serves a pod by pods of its node",
    service: { endpoints: BOTH, frontends: local("clusterIP") },
    from: "n1a",
    to: "clusterIP",
    expect: ["n1b"],
    seen: "client",
  },
  {
    title: "internalTrafficPolicy Local serves another node's pod by that node's",
    service: { endpoints: BOTH, frontends: local("clusterIP") },
    from: "n2a",
    to: "clusterIP",
    expect: ["n2b"],
    seen: "client",
  },
  {
    title: "internalTrafficPolicy Local serves a node by its own pods",
    service: { endpoints: BOTH, frontends: local("clusterIP") },
    from: "node1",
    to: "clusterIP",
    expect: ["n1b"],
    seen: "node1",
  },
  {
    title: "internalTrafficPolicy Local drops where no pod of the node serves",
    service: { endpoints: ["n2b"], frontends: local("clusterIP") },
    from: "n1a",
    to: "clusterIP",
    expect: "dropped",
  },
];

const NODE_PORT: readonly Case[] = [
  ...(["outside", "n1a", "n2a"] as const).map(
    (from): Case => ({
      title: `${from} reaches a node port by the node's address`,
      service: { endpoints: BOTH, frontends: cluster("nodePort") },
      from,
      to: "nodePort",
      expect: BOTH,
      seen: "node1",
    }),
  ),
  {
    title: "a node reaches its own node port",
    service: { endpoints: BOTH, frontends: cluster("nodePort") },
    from: "node1",
    to: "nodePort",
    expect: BOTH,
    seen: "node1",
  },
  {
    title: "outside reaches a node port on a node without backends",
    service: { endpoints: ["n1b"], frontends: cluster("nodePort") },
    from: "outside",
    to: "nodePort",
    nodePortOf: "node2",
    expect: ["n1b"],
    seen: "node2",
  },
  {
    title: "a pod reaches itself by a node port",
    service: { endpoints: ["n1b"], frontends: cluster("nodePort") },
    from: "n1b",
    to: "nodePort",
    expect: ["n1b"],
    seen: "node1",
  },
  ...(["outside", "node1"] as const).map(
    (from): Case => ({
      title: `a node port without endpoints refuses ${from}`,
      service: { endpoints: [], frontends: cluster("nodePort") },
      from,
      to: "nodePort",
      expect: "refused",
    }),
  ),
  {
    title: "a node port is not on loopback",
    service: { endpoints: BOTH, frontends: cluster("nodePort") },
    from: "node1",
    to: "nodePort",
    nodePortOf: "loopback",
    expect: "refused",
  },
  {
    title: "externalTrafficPolicy Local keeps the address of outside at a node port",
    service: { endpoints: BOTH, frontends: local("nodePort") },
    from: "outside",
    to: "nodePort",
    expect: ["n1b"],
    seen: "client",
  },
  {
    title: "externalTrafficPolicy Local serves each node port by that node's pods",
    service: { endpoints: BOTH, frontends: local("nodePort") },
    from: "outside",
    to: "nodePort",
    nodePortOf: "node2",
    expect: ["n2b"],
    seen: "client",
  },
  ...(["outside", "n2a"] as const).map(
    (from): Case => ({
      title: `externalTrafficPolicy Local drops ${from} at a node without backends`,
      service: { endpoints: ["n2b"], frontends: local("nodePort") },
      from,
      to: "nodePort",
      expect: "dropped",
    }),
  ),
  {
    title: "externalTrafficPolicy Local serves the node's own pods by the cluster",
    service: { endpoints: ["n2b"], frontends: local("nodePort") },
    from: "n1a",
    to: "nodePort",
    expect: ["n2b"],
    seen: "client",
  },
  {
    title: "externalTrafficPolicy Local serves the node itself by the cluster",
    service: { endpoints: ["n2b"], frontends: local("nodePort") },
    from: "node1",
    to: "nodePort",
    expect: ["n2b"],
    seen: "node1",
  },
  {
    title: "externalTrafficPolicy Local without any endpoint refuses",
    service: { endpoints: [], frontends: local("nodePort") },
    from: "outside",
    to: "nodePort",
    expect: "refused",
  },
];

/** Both kinds of address that a Service has for others. */
const EXTERNAL: readonly Case[] = (["externalIP", "loadBalancer"] as const).flatMap((kind): readonly Case[] => [
  ...(["outside", "n1a", "node1"] as const).map(
    (from): Case => ({
      title: `${from} reaches an address of kind ${kind} by the node's address`,
      service: { endpoints: BOTH, frontends: cluster(kind) },
      from,
      to: kind,
      expect: BOTH,
      seen: "node1",
    }),
  ),
  {
    title: `a pod reaches itself by an address of kind ${kind}`,
    service: { endpoints: ["n1b"], frontends: cluster(kind) },
    from: "n1b",
    to: kind,
    expect: ["n1b"],
    seen: "node1",
  },
  {
    title: `externalTrafficPolicy Local keeps the address of outside at an address of kind ${kind}`,
    service: { endpoints: BOTH, frontends: local(kind) },
    from: "outside",
    to: kind,
    expect: ["n1b"],
    seen: "client",
  },
  {
    title: `externalTrafficPolicy Local drops outside at an address of kind ${kind} on a node without backends`,
    service: { endpoints: ["n2b"], frontends: local(kind) },
    from: "outside",
    to: kind,
    expect: "dropped",
  },
  {
    title: `externalTrafficPolicy Local serves the node's pods by the cluster at an address of kind ${kind}`,
    service: { endpoints: ["n2b"], frontends: local(kind) },
    from: "n1a",
    to: kind,
    expect: ["n2b"],
    seen: "client",
  },
  {
    title: `an address of kind ${kind} without endpoints refuses`,
    service: { endpoints: [], frontends: cluster(kind) },
    from: "outside",
    to: kind,
    expect: "refused",
  },
]);

const SOURCE_RANGES: readonly Case[] = [
  {
    title: "loadBalancerSourceRanges let in who is named",
    service: { endpoints: BOTH, frontends: [{ kind: "loadBalancer", sources: ["n2c", "outside"] }] },
    from: "outside",
    to: "loadBalancer",
    expect: BOTH,
    seen: "node1",
  },
  {
    title: "loadBalancerSourceRanges drop who is not named",
    service: { endpoints: BOTH, frontends: [{ kind: "loadBalancer", sources: ["n2c"] }] },
    from: "outside",
    to: "loadBalancer",
    expect: "dropped",
  },
  {
    title: "loadBalancerSourceRanges hold for pods",
    service: { endpoints: BOTH, frontends: [{ kind: "loadBalancer", sources: ["outside"] }] },
    from: "n1a",
    to: "loadBalancer",
    expect: "dropped",
  },
  {
    title: "loadBalancerSourceRanges take prefixes",
    service: { endpoints: BOTH, frontends: [{ kind: "loadBalancer", sources: ["pods of node1"] }] },
    from: "n1a",
    to: "loadBalancer",
    expect: BOTH,
    seen: "node1",
  },
  {
    title: "loadBalancerSourceRanges let the node in",
    service: { endpoints: BOTH, frontends: [{ kind: "loadBalancer", sources: ["outside"] }] },
    from: "node1",
    to: "loadBalancer",
    expect: BOTH,
    seen: "node1",
  },
  {
    title: "loadBalancerSourceRanges hold for one frontend alone",
    service: { endpoints: BOTH, frontends: [{ kind: "loadBalancer", sources: ["n2c"] }, { kind: "clusterIP" }] },
    from: "n1a",
    to: "clusterIP",
    expect: BOTH,
    seen: "client",
  },
  {
    title: "loadBalancerSourceRanges and externalTrafficPolicy Local go together",
    service: { endpoints: BOTH, frontends: [{ kind: "loadBalancer", traffic: "local", sources: ["outside"] }] },
    from: "outside",
    to: "loadBalancer",
    expect: ["n1b"],
    seen: "client",
  },
  {
    title: "loadBalancerSourceRanges are not asked where nothing serves",
    service: { endpoints: [], frontends: [{ kind: "loadBalancer", sources: ["n2c"] }] },
    from: "outside",
    to: "loadBalancer",
    expect: "refused",
  },
];

/** All frontends of one Service at once. */
const ALL_KINDS: readonly Case[] = (["clusterIP", "nodePort", "externalIP", "loadBalancer"] as const).map(
  (to): Case => ({
    title: `a Service with all kinds of frontend serves by its ${to}`,
    service: {
      endpoints: BOTH,
      frontends: (["clusterIP", "nodePort", "externalIP", "loadBalancer"] as const).map((kind) => ({ kind })),
    },
    from: "outside",
    to,
    expect: BOTH,
    seen: "node1",
  }),
);

export const CASES: readonly Case[] = [...CLUSTER_IP, ...NODE_PORT, ...EXTERNAL, ...SOURCE_RANGES, ...ALL_KINDS];
