/** Many watchers that come and go while objects change and the store forgets: each must end with the store's state. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { configMap } from "#api/kinds/config-map.ts";
import type { ListQuery } from "#api-client/api-client.ts";
import { createInformer } from "#api-client/create-informer.ts";
import { createHttpClient } from "#api-client/http-client.ts";
import { keyOf } from "#api-client/object-cache.ts";
import { logInformer } from "#api-client/testing/informer-log.ts";
import { type TestServer, withApiServer } from "./http/testing/with-api-server.ts";
import { createLocalApi } from "./resources/testing/local-api.ts";
import { createSqliteStore } from "./store/sqlite/sqlite-store.ts";
import { cutClient } from "./testing/cut-client.ts";
import { seededRandom } from "./testing/random.ts";
import { runInWorker } from "./testing/run-in-worker.ts";
import { watchThroughChaos } from "./testing/watch-through-chaos.ts";
import { createWorld, placeOf } from "./testing/world.ts";

const never = new AbortController().signal;
/** For few watchers: whoever is cut off has missed too much when he comes again. */
const TINY_HISTORY = { maxChanges: 8, maxAgeMs: 0, minChanges: 4 };
const FAST = { firstMs: 1, lastMs: 20, resetMs: 1000 };

test("1,000 watchers of 10,000 objects end with exactly the store's state, through disconnects and compactions", {
  timeout: 240_000,
}, async () => {
  const module = new URL("testing/watch-through-chaos.ts", import.meta.url);
  const chaos = { watchers: 1000, objects: 10_000, writes: 600, seed: 1 };
  const { lists, watches, events } = await runInWorker(module, watchThroughChaos, chaos);
  // Else it was no chaos.
  assert.ok(lists > 1000 && watches > 2000 && events > 300_000, JSON.stringify({ lists, watches, events }));
});

test("Informers with selectors end with exactly the store's state, through disconnects and compactions", {
  timeout: 120_000,
}, async () => {
  const objects = 1000;
  const random = seededRandom(2);
  await using store = createSqliteStore({ path: ":memory:" });
  await using local = createLocalApi(store, { historyBounds: TINY_HISTORY });
  const client = local.client();
  using world = await createWorld({ client, store, objects, random, compaction: 20 });
  await world.fill();
  const queries: readonly Pick<ListQuery, "namespace" | "labelSelector" | "fieldSelector">[] = [
    {},
    { namespace: "ns3" },
    { labelSelector: "tier=a" },
    { namespace: "ns4", labelSelector: "tier in (a,b)" },
    { fieldSelector: `metadata.name=${placeOf(0).name}` },
    { labelSelector: "!tier" },
  ];
  await using stack = new AsyncDisposableStack();
  const cut = cutClient(client, random, 1 / 50);
  const followed = Array.from({ length: 60 }, (_, index) => {
    const query = queries[index % queries.length] ?? {};
    const informer = createInformer({ client: cut, kind: configMap, query, onError: () => undefined, backOff: FAST });
    stack.use(informer);
    return { query, informer, log: logInformer(informer) };
  });
  await world.change(2000);
  await world.finish();
  for (const { query, informer, log } of followed) {
    const { items } = await client.list(configMap, query, never);
    const expected = new Map(items.map((object) => [keyOf(object), object]));
    await informer.synced;
    await log.until(
      () => log.model.size === expected.size && [...expected].every(([key, object]) => log.model.get(key) === object),
    );
    assert.deepEqual(new Set(informer.list()), new Set(items));
  }
  assert.ok(cut.counts.lists > 60 && cut.counts.watches > 300, JSON.stringify(cut.counts));
});

test("100 informers over HTTP end with exactly the store's state, through disconnects and compactions", {
  timeout: 120_000,
}, async () => {
  const random = seededRandom(3);
  await using store = createSqliteStore({ path: ":memory:" });
  await using local = createLocalApi(store, { historyBounds: TINY_HISTORY });
  const client = local.client();
  using world = await createWorld({ client, store, objects: 300, random, burst: 2, compaction: 20 });
  await world.fill();
  const run = async ({ port, pki }: TestServer): Promise<void> => {
    const { certificate, key } = pki.admin;
    const cluster = { ca: pki.certificateAuthority, certificate, key, tlsServerName: undefined, token: undefined };
    using http = createHttpClient({ server: `https://127.0.0.1:${port}`, ...cluster }, { userAgent: "test" });
    const cut = cutClient(http, random, 1 / 50);
    await using stack = new AsyncDisposableStack();
    const followed = Array.from({ length: 100 }, () => {
      const informer = createInformer({ client: cut, kind: configMap, onError: () => undefined, backOff: FAST });
      stack.use(informer);
      return { informer, log: logInformer(informer) };
    });
    await Promise.all(followed.map(({ informer }) => informer.synced));
    await world.change(300);
    await world.finish();
    const { items } = await client.list(configMap, {}, never);
    const expected = items.map((object) => [keyOf(object), object.metadata.resourceVersion] as const);
    for (const { log } of followed) {
      await log.until(
        () =>
          log.model.size === expected.length &&
          expected.every(([name, revision]) => log.model.get(name)?.metadata.resourceVersion === revision),
      );
    }
    assert.ok(cut.counts.lists > 60 && cut.counts.watches > 300, JSON.stringify(cut.counts));
    assert.deepEqual(new Map(followed[0]?.log.model), new Map(items.map((object) => [keyOf(object), object])));
  };
  await withApiServer(run, { resourceApi: local.api });
});
