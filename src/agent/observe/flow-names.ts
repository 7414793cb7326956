/** Whose addresses are whose, by what the API says of pods, nodes and Services: an index, so that a flow costs a look-up. */
import type { Node } from "#api/kinds/node.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { Service } from "#api/kinds/service/service.ts";
import type { Informer } from "#api-client/informer.ts";

export interface FlowNames extends Disposable {
  pod(address: string): NamedPod | undefined;
  node(address: string): string | undefined;
  /** `namespace/name:port`; node ports are told by the node's address. */
  service(address: string, protocol: string, port: number | undefined): string | undefined;
}

export interface NamedPod {
  /** `namespace/name` */
  readonly name: string;
  readonly node: string | undefined;
}

export interface FlowNameSources {
  readonly pods: Pick<Informer<Pod>, "subscribe">;
  readonly nodes: Pick<Informer<Node>, "subscribe">;
  /** Absent: nobody knows the Services. */
  readonly services: Pick<Informer<Service>, "subscribe"> | undefined;
}

export function createFlowNames({ pods, nodes, services }: FlowNameSources): FlowNames {
  using stack = new DisposableStack();
  const byPodAddress = createIndex<NamedPod>();
  const byNodeAddress = createIndex<string>();
  const byFrontend = createIndex<string>();
  stack.use(
    follow(pods, (pod) => {
      const { namespace = "default", name = "" } = pod.metadata;
      const isGone = pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
      const own = pod.spec.hostNetwork === true || isGone ? [] : (pod.status?.podIPs ?? []);
      const keys = own.flatMap(({ ip }) => (ip ? [ip] : []));
      return [byPodAddress, `${namespace}/${name}`, keys, { name: `${namespace}/${name}`, node: pod.spec.nodeName }];
    }),
  );
  stack.use(
    follow(nodes, ({ metadata, status }) => {
      const { name = "" } = metadata;
      const keys = (status?.addresses ?? []).flatMap(({ type, address }) =>
        address && type !== "Hostname" ? [address] : [],
      );
      return [byNodeAddress, name, keys, name];
    }),
  );
  if (services !== undefined) stack.use(followServices(services, byFrontend));
  const owned = stack.move();
  return {
    pod: (address) => byPodAddress.get(address),
    node: (address) => byNodeAddress.get(address),
    service: (address, protocol, port = 0) =>
      byFrontend.get(frontendKey(address, protocol, port)) ??
      (byNodeAddress.get(address) === undefined ? undefined : byFrontend.get(frontendKey("node", protocol, port))),
    [Symbol.dispose]: () => owned.dispose(),
  };
}

function followServices(services: NonNullable<FlowNameSources["services"]>, index: OwnedIndex<string>): Disposable {
  const set = ({ metadata, spec }: Service): void => {
    const { namespace = "default", name = "" } = metadata;
    const addresses = [...(spec.clusterIPs ?? []), ...(spec.externalIPs ?? [])].filter((one) => one !== "None");
    const entries = (spec.ports ?? []).flatMap(({ name: portName, port, protocol = "TCP", nodePort }) => {
      const text = `${namespace}/${name}:${portName || port}`;
      return [
        ...addresses.map((address) => [frontendKey(address, protocol, port), text] as const),
        ...(nodePort ? [[frontendKey("node", protocol, nodePort), text] as const] : []),
      ];
    });
    index.set(`${namespace}/${name}`, new Map(entries));
  };
  return services.subscribe({
    onAdd: set,
    onUpdate: set,
    onDelete: ({ metadata }) => index.set(`${metadata.namespace ?? "default"}/${metadata.name}`, new Map()),
  });
}

function frontendKey(address: string, protocol: string, port: number): string {
  return `${protocol} ${address} ${port}`;
}

/** Values by key, each with an owner: what an owner had before goes, but not what another has taken meanwhile. */
interface OwnedIndex<V> {
  get(key: string): V | undefined;
  set(owner: string, values: ReadonlyMap<string, V>): void;
}

function createIndex<V>(): OwnedIndex<V> {
  const values = new Map<string, { readonly owner: string; readonly value: V }>();
  const keysOf = new Map<string, Iterable<string>>();
  return {
    get: (key) => values.get(key)?.value,
    set(owner, wanted) {
      for (const key of keysOf.get(owner) ?? []) if (values.get(key)?.owner === owner) values.delete(key);
      for (const [key, value] of wanted) values.set(key, { owner, value });
      if (wanted.size === 0) keysOf.delete(owner);
      else keysOf.set(owner, [...wanted.keys()]);
    },
  };
}

function follow<O, V>(
  source: { subscribe(handlers: { onAdd(one: O): void; onUpdate(one: O): void; onDelete(one: O): void }): Disposable },
  read: (one: O) => readonly [OwnedIndex<V>, string, readonly string[], V],
): Disposable {
  const set = (one: O): void => {
    const [index, owner, keys, value] = read(one);
    index.set(owner, new Map(keys.map((key) => [key, value])));
  };
  return source.subscribe({
    onAdd: set,
    onUpdate: set,
    onDelete(one) {
      const [index, owner] = read(one);
      index.set(owner, new Map());
    },
  });
}
