/**
 * Which connections prove the Services of a cluster, and what has to become of each: from a pod of every node and from the
 * node itself to all addresses of a Service, from outside to the node ports. Each node is asked by its own reading of the
 * objects (compileService), since traffic policies and hints differ by node. Pure.
 */
import { contains, type Family, familyOf, type IpAddress, type Prefix } from "#base/ip-address.ts";
import type { ServiceNode } from "#service/choose-endpoints.ts";
import { compileService } from "#service/compile-service.ts";
import type { Backend, Frontend, FrontendKind, ServicePort } from "#service/service-port.ts";
import { type ClusterAccess, OUTSIDE_NAME, podName } from "#trace/cluster-access.ts";
import { type ServiceCheckName, type ServiceObjects, serviceKey, slicesOf } from "./service-checks.ts";

export interface Client {
  readonly kind: "pod" | "node" | "outside";
  /** Of its namespace. */
  readonly name: string;
  readonly netnsPath: string;
  /** Its own ones; a node's are all that it has. */
  readonly addresses: readonly IpAddress[];
}

export type Expectation =
  | { readonly kind: "connects"; readonly backends: readonly Backend[]; readonly source: SourceRule }
  | { readonly kind: "refused" | "dropped"; readonly why: string };

/** Whose address the endpoint has to see, a hairpin apart. */
export type SourceRule = "client" | "node" | "any";

export interface ServiceProbe {
  readonly check: ServiceCheckName;
  readonly family: Family;
  /** `namespace/name` */
  readonly service: string;
  readonly port: ServicePort;
  readonly frontend: Frontend;
  /** Where the client sends to. */
  readonly address: IpAddress;
  readonly client: Client;
  /** The node that translates. */
  readonly node: string;
  readonly expected: Expectation;
  readonly connections: number;
  /** Has to see each backend (distribution), or one only (affinity). */
  readonly spread?: "all" | "one" | undefined;
}

export interface ServiceVantage {
  readonly node: ServiceNode;
  readonly clients: readonly Client[];
  readonly addresses: readonly IpAddress[];
  /** Of the links to other nodes. */
  readonly underlayAddresses: readonly IpAddress[];
  /** Of the whole cluster: what leaves them gets the node's address as source. */
  readonly podNetworks: readonly Prefix[];
}

export interface ServicePlan {
  readonly probes: readonly ServiceProbe[];
  /** What is not tested. */
  readonly notes: readonly string[];
}

const SPREAD_BACKENDS = 8;
/** That a sound Service misses one of its backends by chance. */
const MISS_PROBABILITY = 1e-7;
const FEW_CONNECTIONS = 2;
const STICKY_CONNECTIONS = 5;
const MAX_CONNECTIONS = 20_000;

/** A pod of each node that no policy holds back, and the node. */
export function vantagesOf(
  access: ClusterAccess,
  objects: ServiceObjects,
  addressesOf: (node: string) => readonly IpAddress[],
): readonly ServiceVantage[] {
  const podNetworks = access.nodes.flatMap(({ podCidrs }) => podCidrs);
  return access.nodes.flatMap(({ name, netnsPath, underlayAddresses }) => {
    if (netnsPath === undefined) return [];
    const object = objects.nodes.find(({ metadata }) => metadata.name === name);
    const zone = object?.metadata.labels?.["topology.kubernetes.io/zone"];
    const pod = access.pods.find(
      ({ node, isHostNetwork, netnsPath: path, phase = "Running", namespace }) =>
        node === name &&
        !isHostNetwork &&
        path !== undefined &&
        phase === "Running" &&
        !objects.restricted.has(namespace),
    );
    const addresses = addressesOf(name);
    const clients: readonly Client[] = [
      ...(pod === undefined
        ? []
        : [{ kind: "pod" as const, name: podName(pod), netnsPath: pod.netnsPath ?? "", addresses: pod.ips }]),
      { kind: "node", name, netnsPath, addresses },
    ];
    return [{ node: { name, zone }, clients, addresses, underlayAddresses, podNetworks }];
  });
}

export function planServiceProbes(
  access: ClusterAccess,
  objects: ServiceObjects,
  vantages: readonly ServiceVantage[],
): ServicePlan {
  const notes: string[] = [];
  const outside: Client | undefined = access.outside && { kind: "outside", name: OUTSIDE_NAME, ...access.outside };
  const tested = objects.services.filter(({ metadata }) => !objects.restricted.has(metadata.namespace ?? ""));
  if (objects.restricted.size > 0) {
    const names = [...objects.restricted].toSorted().join(", ");
    notes.push(`no connections to and from namespaces with NetworkPolicies (${names}): see podwire policy matrix`);
  }
  if (objects.hasClusterPolicies) notes.push("there are ClusterNetworkPolicies: what they deny is reported as lost");
  const probes = vantages.flatMap((vantage) => {
    const compiled = tested.flatMap((service) =>
      compileService(service, slicesOf(objects, service), vantage.node).ports.map((port) => ({ service, port })),
    );
    const owners = ownersOfFrontends(compiled.map(({ port }) => port));
    return compiled.flatMap(({ service, port }) => {
      if (port.protocol === "SCTP") return [];
      const own = port.frontends.filter((frontend) => owners.get(frontendText(port, frontend)) === port.id);
      return own.flatMap((frontend) => probesOf(serviceKey(service), port, frontend, vantage, outside));
    });
  });
  if (tested.some(({ spec }) => spec.ports?.some(({ protocol }) => protocol === "SCTP"))) {
    notes.push("ports of SCTP are not tested");
  }
  return { probes: withinBudget(probes, notes), notes };
}

/** The older id, by order of text, keeps what several want. */
function ownersOfFrontends(ports: readonly ServicePort[]): ReadonlyMap<string, string> {
  const owners = new Map<string, string>();
  for (const port of ports) {
    for (const frontend of port.frontends) {
      const text = frontendText(port, frontend);
      const owner = owners.get(text);
      if (owner === undefined || port.id < owner) owners.set(text, port.id);
    }
  }
  return owners;
}

function frontendText({ protocol, family }: ServicePort, { kind, address, port }: Frontend): string {
  return `${family} ${address ?? kind} ${port} ${protocol}`;
}

function probesOf(
  service: string,
  port: ServicePort,
  frontend: Frontend,
  vantage: ServiceVantage,
  outside: Client | undefined,
): readonly ServiceProbe[] {
  const { family } = port;
  const { node, underlayAddresses, addresses } = vantage;
  const isOfFamily = (address: IpAddress): boolean => familyOf(address) === family;
  const address = frontend.address ?? underlayAddresses.find(isOfFamily);
  // What is an address of the node itself is served there, as cluster DNS is, and not translated.
  if (address === undefined || (frontend.address !== undefined && addresses.includes(address))) return [];
  const isFromOutside = frontend.kind === "nodePort" && outside !== undefined;
  const clients = [...vantage.clients, ...(isFromOutside ? [outside] : [])].filter((client) =>
    client.addresses.some(isOfFamily),
  );
  const first = clients[0];
  return clients.map((client): ServiceProbe => {
    const expected = expect(port, frontend, client, vantage.podNetworks);
    const spread = spreadOf(port, frontend, expected, client === first || client.kind === "outside");
    return {
      check: expected.kind === "connects" ? CHECK_OF[frontend.kind] : "no-endpoints",
      ...{ family, service, port, frontend, address, client, expected, spread, node: node.name },
      connections: connectionsFor(expected, spread),
    };
  });
}

const CHECK_OF: Readonly<Record<FrontendKind, ServiceCheckName>> = {
  clusterIP: "cluster-ip",
  nodePort: "node-port",
  externalIP: "external-address",
  loadBalancer: "external-address",
};

function expect(
  { cluster, local }: ServicePort,
  frontend: Frontend,
  client: Client,
  podNetworks: readonly Prefix[],
): Expectation {
  const { kind, traffic, sourceRanges } = frontend;
  if (cluster.length + local.length === 0) return { kind: "refused", why: "there are no endpoints" };
  const isLet = sourceRanges === undefined || client.kind === "node" || isInRanges(client, sourceRanges);
  if (!isLet) return { kind: "dropped", why: "the client is in none of loadBalancerSourceRanges" };
  const isLocal = traffic === "local" && (kind === "clusterIP" || client.kind === "outside");
  const backends = isLocal ? local : cluster;
  if (backends.length === 0) {
    return isLocal
      ? { kind: "dropped", why: "this node has no endpoints, and only local ones count" }
      : { kind: "refused", why: "there are no endpoints" };
  }
  const arePods = backends.every(({ address }) => podNetworks.some((network) => contains(network, address)));
  return { kind: "connects", backends, source: arePods ? sourceRule(frontend, client) : "any" };
}

function isInRanges({ addresses }: Client, ranges: Frontend["sourceRanges"] = []): boolean {
  return addresses.some((address) => ranges.some((range) => contains(range, address)));
}

function sourceRule({ kind, traffic }: Frontend, client: Client): SourceRule {
  if (client.kind === "pod") return kind === "clusterIP" ? "client" : "any";
  if (client.kind === "outside") return traffic === "local" ? "client" : "node";
  return "any"; // any of the node's addresses, and the node is where it is looked
}

function spreadOf(
  { affinityTimeoutSeconds }: ServicePort,
  { kind }: Frontend,
  expected: Expectation,
  isFirst: boolean,
): ServiceProbe["spread"] {
  if (expected.kind !== "connects" || !isFirst || !(kind === "clusterIP" || kind === "nodePort")) return undefined;
  if (affinityTimeoutSeconds !== undefined) return "one";
  return expected.backends.length > 1 && expected.backends.length <= SPREAD_BACKENDS ? "all" : undefined;
}

function connectionsFor(expected: Expectation, spread: ServiceProbe["spread"]): number {
  if (expected.kind !== "connects") return 1;
  if (spread === "one") return STICKY_CONNECTIONS;
  return spread === "all" ? connectionsToSeeAll(expected.backends.length) : FEW_CONNECTIONS;
}

/** Each connection misses a backend with 1 - 1/n; the sum over all of them is below MISS_PROBABILITY. */
export function connectionsToSeeAll(backends: number): number {
  return backends < 2 ? 1 : Math.ceil(Math.log(MISS_PROBABILITY / backends) / Math.log(1 - 1 / backends));
}

function withinBudget(probes: readonly ServiceProbe[], notes: string[]): readonly ServiceProbe[] {
  const total = probes.reduce((sum, { connections }) => sum + connections, 0);
  if (total <= MAX_CONNECTIONS) return probes;
  notes.push(`${total} connections would show the distribution of all Services: it is left out`);
  return probes.map((probe) =>
    probe.spread === "all" ? { ...probe, spread: undefined, connections: FEW_CONNECTIONS } : probe,
  );
}
