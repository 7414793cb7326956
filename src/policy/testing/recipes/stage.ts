/**
 * Where the recipes play: three namespaces with three pods each on three nodes, and three stations outside. Small enough
 * to be there at once on a kernel, where one recipe after the other is put on.
 */
import { type IpAddress, parseAddress } from "#base/ip-address.ts";
import { namespaceNamed, type PolicyWorld, podId, type WorldPod, type WorldPort } from "../../policy-world.ts";
import type { PolicyProtocol } from "../../rule-model.ts";

const NAMESPACES = {
  x: { team: "red", env: "prod" },
  y: { team: "red", env: "test" },
  z: { team: "blue" },
} as const;

const PODS = {
  a: { app: "web", tier: "front" },
  b: { app: "api", tier: "back" },
  // Without a tier, for what is not there.
  c: { app: "db" },
} as const;

/** One name is another port in each pod, and in c of another protocol. */
const NAMED_PORTS: Readonly<Record<keyof typeof PODS, readonly WorldPort[]>> = {
  a: [named("http", "TCP", 80), named("dns", "UDP", 53)],
  b: [named("http", "TCP", 8080), named("dns", "UDP", 53)],
  c: [named("http", "UDP", 80), named("db", "TCP", 81)],
};

/** What every pod answers on; so do the stations outside. */
export const STAGE_PORTS: readonly { readonly protocol: PolicyProtocol; readonly port: number }[] = [
  { protocol: "TCP", port: 80 },
  { protocol: "TCP", port: 81 },
  { protocol: "TCP", port: 8080 },
  { protocol: "UDP", port: 53 },
  { protocol: "UDP", port: 80 },
  { protocol: "SCTP", port: 80 },
];

/** Stations outside of the cluster, with addresses that are for documentation. */
export const STAGE_OUTSIDE: Readonly<Record<"out/near" | "out/hole" | "out/far", readonly IpAddress[]>> = {
  "out/near": ["192.0.2.10", "2001:db8:a::10"].map(parseAddress),
  /** In the ranges of out/near, and in their exceptions. */
  "out/hole": ["192.0.2.130", "2001:db8:a:1::10"].map(parseAddress),
  "out/far": ["198.51.100.20", "2001:db8:b::20"].map(parseAddress),
};

export const STAGE_NODES = ["n1", "n2", "n3"] as const;

export const stage: PolicyWorld = {
  namespaces: new Map(Object.entries(NAMESPACES).map(([name, labels]) => [name, namespaceNamed(name, labels)])),
  pods: new Map(stagePods().map((pod) => [pod.id, pod])),
  nodes: new Map(
    STAGE_NODES.map((name, index) => [
      name,
      { name, labels: { zone: index === 0 ? "one" : "two" }, addresses: nodeAddresses(index + 1) },
    ]),
  ),
  policies: new Map(),
};

/** Changes one pod: its labels or its state. */
export function withPod(world: PolicyWorld, id: string, change: Partial<WorldPod>): PolicyWorld {
  const pod = world.pods.get(id);
  if (pod === undefined) throw new Error(`The stage has no pod ${id}`);
  return { ...world, pods: new Map(world.pods).set(id, { ...pod, ...change }) };
}

export function withNamespaceLabels(world: PolicyWorld, name: string, labels: WorldPod["labels"]): PolicyWorld {
  return { ...world, namespaces: new Map(world.namespaces).set(name, namespaceNamed(name, labels)) };
}

function stagePods(): readonly WorldPod[] {
  return Object.keys(NAMESPACES).flatMap((namespace, row) =>
    (["a", "b", "c"] as const).map((name, column): WorldPod => {
      // Pods of one name are on different nodes, and so are those of one namespace.
      const node = ((row + column) % STAGE_NODES.length) + 1;
      const host = 10 + row * 3 + column;
      return {
        id: podId(namespace, name),
        namespace,
        labels: PODS[name],
        addresses: [parseAddress(`10.244.${node}.${host}`), parseAddress(`fd00:10:244:${node}::${host.toString(16)}`)],
        node: STAGE_NODES[node - 1],
        isHostNetwork: false,
        isFinished: false,
        ports: NAMED_PORTS[name],
      };
    }),
  );
}

function nodeAddresses(node: number): readonly IpAddress[] {
  return [parseAddress(`172.18.0.${node + 1}`), parseAddress(`fd00:172:18::${node + 1}`)];
}

function named(name: string, protocol: PolicyProtocol, port: number): WorldPort {
  return { name, protocol, port };
}
