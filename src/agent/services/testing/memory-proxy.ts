/** A proxy that keeps Services in memory, and informers that are told what happens. */
import type { KubeObject } from "#api/kind.ts";
import type { InformerHandlers } from "#api-client/informer.ts";
import type { EndedFlows, ServiceProxy, ServiceProxyNode } from "#dataplane/services/contract.ts";
import type { ServicePort } from "#service/service-port.ts";
import type { FlowTable } from "../forget-flows.ts";

export interface MemoryProxy extends ServiceProxy {
  /** What the "kernel" has. */
  readonly ports: Map<string, ServicePort>;
  /** `sync 2`, `update default/web:/TCP/4`, in order. */
  readonly calls: string[];
  node: ServiceProxyNode | undefined;
  /** The next call fails with it. */
  failure: Error | undefined;
}

export function createMemoryProxy(): MemoryProxy {
  const fail = (): void => {
    const { failure } = proxy;
    proxy.failure = undefined;
    if (failure !== undefined) throw failure;
  };
  const proxy: MemoryProxy = {
    name: "nftables",
    ports: new Map(),
    calls: [],
    node: undefined,
    failure: undefined,
    sync(node, desired) {
      proxy.calls.push(`sync ${desired.size}`);
      fail();
      proxy.node = node;
      const changes = [...desired].filter(([id, port]) => proxy.ports.get(id) !== port).map(([id]) => `add ${id}`);
      proxy.ports.clear();
      for (const [id, port] of desired) proxy.ports.set(id, port);
      return { changes, conflicts: [] };
    },
    update(changes) {
      proxy.calls.push(`update ${[...changes.keys()].join(" ")}`);
      fail();
      for (const [id, port] of changes) {
        if (port === undefined) proxy.ports.delete(id);
        else proxy.ports.set(id, port);
      }
      return { changes: [...changes.keys()], conflicts: [] };
    },
    drift: () => [],
    remove: () => proxy.ports.clear(),
    async [Symbol.asyncDispose]() {},
  };
  return proxy;
}

export interface MemoryFlows extends FlowTable {
  readonly forgotten: EndedFlows[];
}

export function createMemoryFlows(): MemoryFlows {
  const forgotten: EndedFlows[] = [];
  return {
    forgotten,
    forget: (ended) => void forgotten.push(...ended),
    sweep: () => 0,
  };
}

/** Says what a watch would say. */
export interface ToldInformer<O extends KubeObject> {
  subscribe(handlers: InformerHandlers<O>): Disposable;
  set(object: O): void;
  delete(object: O): void;
}

export function createToldInformer<O extends KubeObject>(): ToldInformer<O> {
  const subscribers = new Set<InformerHandlers<O>>();
  return {
    subscribe(handlers) {
      subscribers.add(handlers);
      return { [Symbol.dispose]: () => void subscribers.delete(handlers) };
    },
    set(object) {
      for (const each of subscribers) each.onUpdate?.(object, object);
    },
    delete(object) {
      for (const each of subscribers) each.onDelete?.(object);
    },
  };
}
