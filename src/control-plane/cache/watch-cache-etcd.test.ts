import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { createEtcdServer, type EtcdServer, etcdMissing } from "../store/conformance/etcd-server.ts";
import { rejection } from "../store/conformance/writes.ts";
import { createEtcdStore } from "../store/etcd/etcd-store.ts";
import { isStoreError, type Store } from "../store/store.ts";
import { createWatchCache } from "./create-watch-cache.ts";
import {
  apply,
  configMap,
  configMaps,
  listAll,
  namesOf,
  never,
  recordEvents,
  remove,
  revisionOf,
} from "./testing/cache-fixture.ts";

const options = { skip: etcdMissing ?? false, timeout: 120_000 };

let server: EtcdServer;
if (etcdMissing === undefined) {
  before(async () => {
    server = await createEtcdServer();
    await server.start();
  });
  after(() => server[Symbol.asyncDispose]());
}

function open(prefix: string, timeoutMs = 5_000): Store {
  return createEtcdStore({ endpoints: [server.endpoint], prefix, timeoutMs });
}

test("two caches on one etcd: what one has written the other reads at once", options, async () => {
  const prefix = `/${randomUUID()}`;
  await using storeA = open(prefix);
  await using storeB = open(prefix);
  await using a = createWatchCache({ store: storeA, kind: configMaps });
  await using b = createWatchCache({ store: storeB, kind: configMaps });
  using watchB = await recordEvents(b);
  for (let index = 0; index < 100; index++) {
    const written = await apply(a, configMap(`map-${index % 7}`, { value: String(index) }));
    assert.deepEqual(await b.get("default", `map-${index % 7}`, "latest", never), written);
    if (index % 10 === 9) {
      await remove(b, "default", `map-${index % 7}`);
      assert.ok(!namesOf(await listAll(a)).includes(`map-${index % 7}`));
    }
    // Of another kind: the revision goes on without an event for these caches.
    await storeB.write({ key: `/registry/core/nodes/${index}`, value: "{}", expected: 0 }, never);
    assert.ok((await listAll(a)).revision >= revisionOf(written));
  }
  assert.deepEqual((await listAll(a)).objects, (await listAll(b)).objects);
  assert.equal(watchB.events.length, 110);
});

test("two caches on one etcd: of two writers of one revision one wins, and both see the same", options, async () => {
  const prefix = `/${randomUUID()}`;
  await using storeA = open(prefix);
  await using storeB = open(prefix);
  const caches = [storeA, storeB].map((store) => createWatchCache({ store, kind: configMaps }));
  const wins = await Promise.all(
    caches.map(async (cache) => {
      let won = 0;
      for (let index = 0; index < 30; index++) {
        const request = { namespace: "default", name: `map-${index}`, next: configMap(`map-${index}`), expected: 0 };
        const outcome = await cache.write(request, never).catch((error: unknown) => error);
        if (!isStoreError(outcome, "conflict")) won++;
      }
      return won;
    }),
  );
  assert.equal(
    wins.reduce((sum, won) => sum + won, 0),
    30,
  );
  const [first, second] = await Promise.all(caches.map((cache) => listAll(cache)));
  assert.equal(first?.objects.length, 30);
  assert.deepEqual(first.objects, second?.objects);
  for (const cache of caches) await cache[Symbol.asyncDispose]();
});

test("pages and watches over etcd go on behind a restart, until they are compacted", options, async () => {
  const prefix = `/${randomUUID()}`;
  await using store = open(prefix);
  const start = await store.currentRevision(never);
  let token = "";
  {
    await using cache = createWatchCache({ store, kind: configMaps });
    for (const name of ["a", "b", "c", "d"]) await apply(cache, configMap(name));
    token = (await listAll(cache, { limit: 2 })).continueToken ?? "";
    await remove(cache, "default", "c");
  }
  await using cache = createWatchCache({ store, kind: configMaps });
  assert.deepEqual(namesOf(await listAll(cache, { continueToken: token })), ["c", "d"]);
  using watch = await recordEvents(cache, { after: start });
  assert.deepEqual(
    watch.events.map(({ type }) => type),
    ["ADDED", "ADDED", "ADDED", "ADDED", "DELETED"],
  );
  await store.compact(await store.currentRevision(never), never);
  await using late = createWatchCache({ store, kind: configMaps });
  await assert.rejects(recordEvents(late, { after: start }), { code: 410, reason: "Expired" });
});

test(
  "while etcd is away latest reads fail, any reads go on; when it is back so are all, and watches lose nothing",
  options,
  async () => {
    await using own = await createEtcdServer();
    await own.start();
    // Longer than the pauses between attempts to connect.
    await using store = createEtcdStore({ endpoints: [own.endpoint], timeoutMs: 3_000 });
    await using cache = createWatchCache({ store, kind: configMaps });
    using watch = await recordEvents(cache);
    await apply(cache, configMap("one"));
    await own.kill();
    const write = { namespace: "default", name: "one", next: configMap("one", { value: "2" }), expected: 2 };
    const calls = [cache.get("default", "one", "latest", never), listAll(cache), cache.write(write, never)];
    for (const error of await Promise.all(calls.map(rejection))) {
      assert.ok(isStoreError(error, "unavailable"), String(error));
    }
    assert.deepEqual(namesOf(await listAll(cache, { freshness: "any" })), ["one"]);
    await own.start();
    const updated = await apply(cache, configMap("one", { value: "3" }));
    assert.equal(await cache.get("default", "one", "latest", never), updated);
    assert.deepEqual(
      watch.events.map(({ type }) => type),
      ["ADDED", "MODIFIED"],
    );
  },
);
