/** Proxies on both nodes of the world, and Services for them from their description. */
import { type Family, hostPrefix, type IpAddress, type Prefix } from "#base/ip-address.ts";
import type { Backend, Frontend, FrontendKind, ServicePort, ServicePorts } from "#service/service-port.ts";
import type { AsyncServiceProxy, ServiceProxy } from "../contract.ts";
import type { FrontendSpec, ServiceSpec } from "./cases.ts";
import type { ProxyUnderTest } from "./proxies.ts";
import type { SpokenProtocol } from "./talk.ts";
import { clusterIp, externalIp, isOnNode, NODE_NAMES, type NodeName, type World } from "./world.ts";

export const SERVICE_PORT = 80;
export const NODE_PORT = 30080;
/** Where the kinds have their addresses; by default for the Service of number 10. */
export const SERVICE_NUMBER = 10;
const LOAD_BALANCER_OFFSET = 100;

export function frontendAddress(kind: FrontendKind, family: Family, number = SERVICE_NUMBER): IpAddress | undefined {
  if (kind === "nodePort") return undefined;
  if (kind === "clusterIP") return clusterIp(family, number);
  return externalIp(family, kind === "externalIP" ? number : number + LOAD_BALANCER_OFFSET);
}

export interface PortOptions {
  readonly node: NodeName;
  readonly family: Family;
  readonly protocol: SpokenProtocol;
  readonly name?: string;
  readonly number?: number;
}

export function servicePort(world: World, spec: ServiceSpec, options: PortOptions): ServicePort {
  const { node, family, protocol, name = "web", number = SERVICE_NUMBER } = options;
  const backends = (names: ServiceSpec["endpoints"]): readonly Backend[] =>
    names
      .map((host) => ({ address: world.host(host).addresses[family], port: spec.targetPort ?? 8080 }))
      .toSorted((a, b) => (a.address < b.address ? -1 : 1));
  const usesLocal = spec.frontends.some(({ traffic }) => traffic === "local");
  return {
    id: `default/${name}:http/${protocol}/${family}`,
    family,
    protocol,
    frontends: spec.frontends.map((frontend) => frontendOf(world, frontend, family, number)),
    cluster: backends(spec.endpoints),
    local: usesLocal ? backends(spec.endpoints.filter((host) => isOnNode(host, node))) : [],
    ...(spec.affinitySeconds !== undefined && { affinityTimeoutSeconds: spec.affinitySeconds }),
  };
}

function frontendOf(world: World, spec: FrontendSpec, family: Family, number: number): Frontend {
  const { kind, traffic = "cluster", sources } = spec;
  return {
    kind,
    address: frontendAddress(kind, family, number),
    port: kind === "nodePort" ? NODE_PORT - SERVICE_NUMBER + number : SERVICE_PORT,
    traffic,
    sourceRanges: sources?.flatMap((source): readonly Prefix[] => {
      if (source !== "pods of node1") return [hostPrefix(world.host(source).addresses[family])];
      return world.proxyNodes.node1.nodePods.filter((prefix) => prefix.family === family);
    }),
  };
}

export type AnyServiceProxy = ServiceProxy | AsyncServiceProxy;

export interface Proxies extends AsyncDisposable {
  readonly on: Readonly<Record<NodeName, AnyServiceProxy>>;
  /** As an agent's new process does: another one, which takes over. */
  restart(node: NodeName): Promise<AnyServiceProxy>;
  /** The Services instead of those before, on both nodes, as changes of them. */
  change(ports: (node: NodeName) => readonly ServicePort[]): Promise<void>;
  /** The Services, and only these, on both nodes. */
  sync(ports: (node: NodeName) => readonly ServicePort[]): Promise<void>;
}

export async function startProxies(world: World, proxy: ProxyUnderTest): Promise<Proxies> {
  const stacks = new Map<NodeName, AsyncDisposableStack>();
  const start = (node: NodeName): AnyServiceProxy => {
    const stack = new AsyncDisposableStack();
    stacks.set(node, stack);
    return proxy.create(stack, world.host(node).netns);
  };
  const present = new Map<NodeName, readonly ServicePort[]>();
  const on: Record<NodeName, AnyServiceProxy> = { node1: start("node1"), node2: start("node2") };
  return {
    on,
    async restart(node) {
      await stacks.get(node)?.disposeAsync();
      on[node] = start(node);
      return on[node];
    },
    async change(ports) {
      const change = async (node: NodeName): Promise<void> => {
        const gone = (present.get(node) ?? []).map(({ id }) => [id, undefined] as const);
        const wanted = ports(node);
        await on[node].update(new Map([...gone, ...byId(wanted)]));
        present.set(node, wanted);
      };
      await Promise.all(NODE_NAMES.map(change));
    },
    async sync(ports) {
      for (const node of NODE_NAMES) {
        await on[node].sync(world.proxyNodes[node], byId(ports(node)));
        present.set(node, ports(node));
      }
    },
    async [Symbol.asyncDispose]() {
      for (const node of NODE_NAMES) await on[node].remove();
      for (const stack of stacks.values()) await stack.disposeAsync();
    },
  };
}

export function byId(ports: readonly ServicePort[]): ServicePorts {
  return new Map(ports.map((port) => [port.id, port]));
}
