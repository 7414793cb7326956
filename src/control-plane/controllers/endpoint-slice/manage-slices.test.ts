import assert from "node:assert/strict";
import { test } from "node:test";
import type { Kind, KubeObject } from "#api/kind.ts";
import { type EndpointSlice, endpointSlice } from "#api/kinds/endpoint-slice.ts";
import type { Informer, InformerHandlers } from "#api-client/informer.ts";
import { createMemoryClient } from "#api-client/testing/memory-client.ts";
import { PENDING_MS } from "../pending-creates.ts";
import { signal } from "../testing/test-cluster.ts";
import { createManagedSlices } from "./manage-slices.ts";
import type { SlicePlan } from "./plan-slices.ts";

const LABELS = { "kubernetes.io/service-name": "web", "endpointslice.kubernetes.io/managed-by": "test" };

/** One slice is all that is wanted. */
function planOne(slices: readonly EndpointSlice[]): SlicePlan {
  const metadata = { namespace: "default", generateName: "web-", labels: LABELS };
  const draft = { metadata, addressType: "IPv4", endpoints: [], ports: [] } as const;
  return { create: slices.length === 0 ? [draft] : [], update: [], delete: slices.slice(1) };
}

/** A cache that shows what it is told to show. */
function createLateCache() {
  const known: EndpointSlice[] = [];
  const subscribers: InformerHandlers<EndpointSlice>[] = [];
  const informer: Informer<EndpointSlice> = {
    synced: Promise.resolve(),
    hasSynced: () => true,
    get: (_namespace, name) => known.find(({ metadata }) => metadata.name === name),
    list: () => known,
    byIndex: () => [],
    subscribe(handlers) {
      subscribers.push(handlers);
      return { [Symbol.dispose]: () => undefined };
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
  return {
    // The only one that is asked for.
    informer: <O extends KubeObject>(_kind: Kind<O>) => informer as unknown as Informer<O>,
    show(slices: readonly EndpointSlice[]) {
      known.push(...slices);
      for (const { onAdd } of subscribers) for (const slice of slices) onAdd?.(slice);
    },
  };
}

function createSubject() {
  const client = createMemoryClient();
  const cache = createLateCache();
  const queued: string[] = [];
  const queue = {
    add: (key: string) => void queued.push(key),
    addAfter: (key: string, delayMs: number) => void queued.push(`${key} in ${delayMs}`),
  };
  let now = Date.parse("2025-01-01T00:00:00Z");
  const managed = createManagedSlices({ client, informer: cache.informer, now: () => new Date(now) }, "test");
  managed.watch(queue, new AsyncDisposableStack());
  return {
    cache,
    queued,
    write: () => managed.write("default/web", planOne, queue, signal),
    stored: () => client.all(endpointSlice),
    pass(ms: number) {
      now += ms;
    },
  };
}

test("createManagedSlices creates nothing again until its caches show what it created", async () => {
  const { cache, queued, write, stored } = createSubject();
  await write();
  await write();
  assert.equal(stored().length, 1);
  assert.deepEqual(queued, [`default/web in ${PENDING_MS}`]);
  cache.show(stored());
  assert.deepEqual(queued.slice(1), ["default/web"]);
  await write();
  assert.equal(stored().length, 1);
  assert.equal(queued.length, 2, "nothing is waited for any more");
});

test("createManagedSlices waits for no more than a while for what never comes", async () => {
  const { write, stored, pass } = createSubject();
  await write();
  pass(PENDING_MS - 1);
  await write();
  assert.equal(stored().length, 1);
  pass(1);
  await write();
  assert.equal(stored().length, 2);
});
