/** Many watchers that come and go while objects change and the store forgets: each must end with the store's state. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { configMap } from "#api/kinds/config-map.ts";
import type { ListQuery } from "#api-client/api-client.ts";
import { createInformer } from "#api-client/create-informer.ts";
import { keyOf } from "#api-client/object-cache.ts";
import { logInformer } from "#api-client/testing/informer-log.ts";
import { createLocalApi } from "./resources/testing/local-api.ts";
import { createSqliteStore } from "./store/sqlite/sqlite-store.ts";
import { cutClient } from "./testing/cut-client.ts";
import { seededRandom } from "./testing/random.ts";
import { SHORT_HISTORY, watchThroughChaos } from "./testing/watch-through-chaos.ts";
import { createWorld, placeOf } from "./testing/world.ts";

const never = new AbortController().signal;
const FAST = { firstMs: 1, lastMs: 20, resetMs: 1000 };

test("1,000 watchers of 10,000 objects end with exactly the store's state, through disconnects and compactions", {
  timeout: 240_000,
}, async () => {
  const { lists, watches } = await watchThroughChaos({ watchers: 1000, objects: 10_000, writes: 2000, seed: 1 });
  assert.ok(lists > 1100, `only ${lists} lists`);
  assert.ok(watches > 3000, `only ${watches} watches`);
});

test("Informers with selectors end with exactly the store's state, through disconnects and compactions", {
  timeout: 120_000,
}, async () => {
  const objects = 1000;
  const random = seededRandom(2);
  await using store = createSqliteStore({ path: ":memory:" });
  await using local = createLocalApi(store, { historyBounds: SHORT_HISTORY });
  const client = local.client();
  using world = await createWorld({ client, store, objects, random });
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
  const followed = Array.from({ length: 60 }, (_, index) => {
    const query = queries[index % queries.length] ?? {};
    const cut = cutClient(client, random, 1 / 100);
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
});
