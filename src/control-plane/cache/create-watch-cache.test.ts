import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError, isApiError, statusOf } from "#api/api-error.ts";
import type { KubeObject } from "#api/kind.ts";
import { rejection } from "../store/conformance/writes.ts";
import { createSqliteStore } from "../store/sqlite/sqlite-store.ts";
import type { Store, WatchListener } from "../store/store.ts";
import { StoreError } from "../store/store.ts";
import { createWatchCache, type WatchCacheOptions } from "./create-watch-cache.ts";
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
import type { Selector, WatchCache } from "./watch-cache.ts";

type Options = Omit<WatchCacheOptions, "store" | "kind">;

async function withCache(
  run: (cache: WatchCache, store: Store) => Promise<void>,
  options: Options = {},
): Promise<void> {
  await using store = createSqliteStore({ path: ":memory:" });
  await using cache = createWatchCache({ store, kind: configMaps, ...options });
  await run(cache, store);
}

const labelled =
  (app: string): Selector =>
  ({ metadata }) =>
    metadata.labels?.["app"] === app;

test("write gives the stored object: frozen, with its revision, and the same that get, list and watchers get", () =>
  withCache(async (cache, store) => {
    using watch = await recordEvents(cache);
    const written = configMap("one", { labels: { app: "web" } });
    const created = await apply(cache, { ...written, metadata: { ...written.metadata, resourceVersion: "77" } });
    assert.deepEqual(created, { ...written, metadata: { ...written.metadata, resourceVersion: "2" } });
    assert.ok(Object.isFrozen(created.metadata.labels));
    assert.equal(created.metadata.labels, written.metadata.labels, "what was written is not parsed again");
    for (const freshness of ["latest", "any"] as const) {
      assert.equal(await cache.get("default", "one", freshness, never), created);
    }
    assert.equal((await listAll(cache)).objects[0], created);
    const updated = await apply(cache, { ...created, data: { value: "2" } });
    const deleted = await remove(cache, "default", "one");
    assert.deepEqual(watch.lines, ["ADDED one 2", "MODIFIED one 3", "DELETED one 4"]);
    assert.deepEqual(
      watch.events.map((event) => event.type !== "BOOKMARK" && event.object),
      [created, updated, deleted],
    );
    assert.ok(watch.events[2]?.type === "DELETED" && watch.events[2].object === deleted);
    assert.deepEqual(deleted["data"], { value: "2" }, "the last state");
    assert.equal(await cache.get("default", "one", "latest", never), undefined);
    const { entries } = await store.list({ prefix: "/registry/" }, never);
    assert.deepEqual(entries, []);
  }));

test("write stores JSON without resourceVersion under the kind's key, and passes the store's errors on", () =>
  withCache(async (cache, store) => {
    await apply(cache, configMap("one"));
    const entry = await store.get("/registry/core/configmaps/default/one", never);
    assert.deepEqual(JSON.parse(entry?.value ?? ""), configMap("one"));
    const request = { namespace: "default", name: "one", next: configMap("one"), expected: 0 };
    const conflict = await rejection(cache.write(request, never));
    assert.ok(conflict instanceof StoreError && conflict.code === "conflict" && conflict.current?.revision === 2);
    const fence = { key: "/registry/coordination.k8s.io/leases/a/b", revision: 9 };
    await assert.rejects(cache.write({ ...request, expected: 2, fence }, never), { code: "fenced" });
    const gone = cache.write({ ...request, next: undefined, expected: 1 }, never);
    await assert.rejects(gone, { code: "conflict" });
  }));

test("list pages at the revision of the first page, whatever is written meanwhile", () =>
  withCache(async (cache) => {
    const names = Array.from({ length: 10 }, (_, index) => `map-${index}`);
    for (const name of names) await apply(cache, configMap(name, { value: "old" }));
    const first = await listAll(cache, { limit: 3 });
    assert.deepEqual([namesOf(first), first.remaining], [names.slice(0, 3), 7]);
    const seen = [...first.objects];
    for (let page = first; page.continueToken !== undefined; ) {
      await apply(cache, configMap(`map-${seen.length}`, { value: "new" }));
      await remove(cache, "default", `map-${seen.length + 1}`).catch(() => undefined);
      await apply(cache, configMap(`map-${seen.length}-new`));
      page = await listAll(cache, { limit: 3, continueToken: page.continueToken });
      assert.equal(page.revision, first.revision);
      seen.push(...page.objects);
      assert.equal(page.remaining, names.length - seen.length);
    }
    assert.deepEqual(namesOf({ objects: seen }), names);
    assert.ok(seen.every((object) => revisionOf(object) <= first.revision));
  }));

test("list selects by namespace, selector and pinned name, and does not end with an empty page", () =>
  withCache(async (cache) => {
    for (const namespace of ["a", "a-b", "b"]) {
      for (const name of ["x", "y", "z"]) {
        await apply(cache, configMap(name, { namespace, labels: { app: name === "y" ? "db" : "web" } }));
      }
    }
    const places = async (request: Parameters<typeof listAll>[1]) =>
      (await listAll(cache, request)).objects.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
    assert.deepEqual(await places({}), ["a-b/x", "a-b/y", "a-b/z", "a/x", "a/y", "a/z", "b/x", "b/y", "b/z"]);
    assert.deepEqual(await places({ namespace: "a" }), ["a/x", "a/y", "a/z"]);
    assert.deepEqual(await places({ namespace: "none" }), []);
    assert.deepEqual(await places({ selector: labelled("db") }), ["a-b/y", "a/y", "b/y"]);
    const pinned = Object.assign(({ metadata }: KubeObject) => metadata.name === "y", {
      pins: { "metadata.name": "y" },
    });
    assert.deepEqual(await places({ selector: pinned }), ["a-b/y", "a/y", "b/y"]);
    assert.deepEqual(await places({ selector: pinned, namespace: "b" }), ["b/y"]);
    const page = await listAll(cache, { selector: labelled("db"), selectsAll: false, limit: 3 });
    assert.deepEqual([page.objects.length, page.continueToken, page.remaining], [3, undefined, undefined]);
  }));

test("list at exactly a revision gives what was there, and 410 when that is compacted", () =>
  withCache(
    async (cache, store) => {
      for (let index = 0; index < 20; index++) await apply(cache, configMap("one", { value: String(index) }));
      for (let index = 0; index < 20; index++) {
        const { objects, revision } = await listAll(cache, { freshness: { exactly: index + 2 } });
        assert.deepEqual(
          [revision, objects[0]?.["data"], revisionOf(objects[0])],
          [index + 2, { value: String(index) }, index + 2],
        );
      }
      assert.deepEqual((await listAll(cache, { freshness: { exactly: 1 } })).objects, []);
      for (let index = 0; index < 20; index++) await apply(cache, configMap("two", { value: String(index) }));
      await store.compact(30, never);
      for (const exactly of [1, 29]) {
        const error = await rejection(listAll(cache, { freshness: { exactly } }));
        assert.ok(isApiError(error, "Expired") && error.code === 410);
        assert.equal(error.message, "The resourceVersion for the provided list is too old.");
      }
      assert.equal((await listAll(cache, { freshness: { exactly: 30 } })).revision, 30);
    },
    { historyBounds: { maxChanges: 30, minChanges: 3, maxAgeMs: 0 } },
  ));

test("list and get of a revision that is not written wait for it, then reject with 504", () =>
  withCache(
    async (cache) => {
      await apply(cache, configMap("one"));
      for (const freshness of [{ atLeast: 9 }, { exactly: 9 }]) {
        const error = await rejection(listAll(cache, { freshness }));
        assert.ok(isApiError(error, "Timeout") && error.code === 504);
        assert.equal(error.message, "Too large resource version: 9, current: 2");
        assert.equal(error.details?.retryAfterSeconds, 1);
        assert.deepEqual(error.details.causes, [
          { reason: "ResourceVersionTooLarge", message: "Too large resource version" },
        ]);
      }
    },
    { reachTimeoutMs: 5 },
  ));

test("list at least at a revision resolves as soon as it is written", () =>
  withCache(async (cache) => {
    await apply(cache, configMap("one"));
    const listed = listAll(cache, { freshness: { atLeast: 3 } });
    await apply(cache, configMap("two"));
    assert.deepEqual(namesOf(await listed), ["one", "two"]);
  }));

test("a continue token that is compacted gets 410 with one that goes on in the state of now", async () => {
  await using store = createSqliteStore({ path: ":memory:" });
  let token: string | undefined;
  {
    await using cache = createWatchCache({ store, kind: configMaps });
    for (const name of ["a", "b", "c", "d"]) await apply(cache, configMap(name));
    token = (await listAll(cache, { limit: 2 })).continueToken;
    await remove(cache, "default", "c");
    await apply(cache, configMap("e"));
  }
  const continued = token === undefined ? {} : { continueToken: token };
  {
    await using cache = createWatchCache({ store, kind: configMaps });
    assert.deepEqual(namesOf(await listAll(cache, continued)), ["c", "d"], "also after a restart");
  }
  await store.compact(await store.currentRevision(never), never);
  await using cache = createWatchCache({ store, kind: configMaps });
  const error = await rejection(listAll(cache, continued));
  assert.ok(isApiError(error, "Expired") && error.code === 410 && error.continueToken !== undefined);
  assert.match(
    error.message,
    /^The provided continue parameter is too old to display a consistent list result\. You can/,
  );
  assert.deepEqual(statusOf(error).metadata, { continue: error.continueToken });
  assert.deepEqual(namesOf(await listAll(cache, { continueToken: error.continueToken })), ["d", "e"]);
});

test("list with a broken continue token rejects with 400", () =>
  withCache(async (cache) => {
    const tokens = ["", "!", "e30", Buffer.from('{"v":"meta.k8s.io/v1","rv":0,"start":"a"}').toString("base64url")];
    for (const continueToken of tokens) {
      const error = await rejection(listAll(cache, { continueToken }));
      assert.ok(error instanceof ApiError && error.code === 400, continueToken);
      assert.match(error.message, /continue key is not valid/);
    }
  }));

test("watch tells initial events and their end, then what follows", () =>
  withCache(async (cache) => {
    await apply(cache, configMap("one"));
    await apply(cache, configMap("two", { namespace: "other" }));
    using watch = await recordEvents(cache, { marksInitialEvents: true });
    using other = await recordEvents(cache, { namespace: "other" });
    await apply(cache, configMap("three"));
    assert.deepEqual(watch.lines, ["ADDED one 2", "ADDED two 3", "BOOKMARK 3 initial", "ADDED three 4"]);
    assert.deepEqual(other.lines, ["ADDED two 3"]);
  }));

test("watch with a selector: what begins to match is ADDED, what ceases to is DELETED in its last matching state", () =>
  withCache(async (cache) => {
    using web = await recordEvents(cache, { selector: labelled("web") });
    using again = await recordEvents(cache, { selector: labelled("web") });
    await apply(cache, configMap("one", { labels: { app: "db" } }));
    await apply(cache, configMap("one", { labels: { app: "web" }, value: "in" }));
    await apply(cache, configMap("one", { labels: { app: "web" }, value: "still in" }));
    await apply(cache, configMap("one", { labels: { app: "db" }, value: "out" }));
    await remove(cache, "default", "one");
    assert.deepEqual(web.lines, ["ADDED one 3", "MODIFIED one 4", "DELETED one 5"]);
    const [, , last] = web.events;
    assert.ok(last?.type === "DELETED");
    assert.deepEqual(last.object["data"], { value: "still in" });
    const [, , same] = again.events;
    assert.ok(same?.type === "DELETED" && same.object === last.object, "one object for all watchers");
    using resumed = await recordEvents(cache, { selector: labelled("web"), after: 2 });
    assert.deepEqual(resumed.lines, web.lines);
  }));

test("watch with pins gets every event of what it selects", () =>
  withCache(async (cache) => {
    const onNode = (node: string): Selector =>
      Object.assign(({ metadata }: KubeObject) => metadata.labels?.["app"] === node, {
        pins: { "metadata.labels.app": node },
      });
    using named = await recordEvents(cache, {
      namespace: "default",
      selector: Object.assign(({ metadata }: KubeObject) => metadata.name === "one", {
        pins: { "spec.nodeName": "unused", "metadata.name": "one" },
      }),
    });
    using first = await recordEvents(cache, { selector: onNode("a") });
    using second = await recordEvents(cache, { selector: onNode("b") });
    using none = await recordEvents(cache, { selector: onNode("") });
    await apply(cache, configMap("one", { labels: { app: "a" } }));
    await apply(cache, configMap("two", { labels: { app: "b" } }));
    await apply(cache, configMap("one", { labels: { app: "b" } }));
    await apply(cache, configMap("one", { namespace: "other", labels: { app: "a" } }));
    await remove(cache, "default", "one");
    assert.deepEqual(named.lines, ["ADDED one 2", "MODIFIED one 4", "DELETED one 6"]);
    assert.deepEqual(first.lines, ["ADDED one 2", "DELETED one 4", "ADDED one 5"]);
    assert.deepEqual(second.lines, ["ADDED two 3", "ADDED one 4", "DELETED one 6"]);
    assert.deepEqual(none.lines, []);
  }));

test("watch resumes behind each revision, also over a restart, until it is compacted", async () => {
  await using store = createSqliteStore({ path: ":memory:" });
  const lines: string[] = [];
  {
    await using cache = createWatchCache({ store, kind: configMaps });
    using watch = await recordEvents(cache);
    for (let index = 0; index < 30; index++) {
      const name = `map-${index % 4}`;
      if (index % 7 === 6) await remove(cache, "default", name);
      else await apply(cache, configMap(name, { value: String(index) }));
    }
    lines.push(...watch.lines);
  }
  await using cache = createWatchCache({ store, kind: configMaps });
  for (const after of [20, 3, 31, 7, 1]) {
    using watch = await recordEvents(cache, { after });
    assert.deepEqual(watch.lines, lines.slice(after - 1), `after ${after}`);
  }
  await using restarted = createWatchCache({ store, kind: configMaps });
  const many = await Promise.all(
    Array.from({ length: 30 }, (_, index) => recordEvents(restarted, { after: index + 1 })),
  );
  for (const [index, watch] of many.entries()) assert.deepEqual(watch.lines, lines.slice(index));
  await store.compact(15, never);
  await using late = createWatchCache({ store, kind: configMaps });
  const error = await rejection(recordEvents(late, { after: 14 }));
  assert.ok(isApiError(error, "Expired") && error.code === 410);
  assert.equal(error.message, "too old resource version: 14 (31)");
  using inTime = await recordEvents(late, { after: 15 });
  assert.deepEqual(inTime.lines, lines.slice(14));
});

test("watch after a revision of the future tells only of what comes behind it", () =>
  withCache(async (cache) => {
    using watch = await recordEvents(cache, { after: 3 });
    for (let index = 0; index < 4; index++) await apply(cache, configMap(`map-${index}`));
    assert.deepEqual(watch.lines, ["ADDED map-2 4", "ADDED map-3 5"]);
  }));

test("a watcher that can take no more is told nothing more", () =>
  withCache(async (cache) => {
    const told: string[] = [];
    const watcher = {
      onEvent: () => told.push("event") < 2,
      onEnd: () => void told.push("end"),
    };
    const request = { namespace: undefined, selector: () => true, marksInitialEvents: true, wantsBookmarks: true };
    await cache.watch({ ...request, after: 1 }, watcher, never);
    for (let index = 0; index < 4; index++) await apply(cache, configMap(`map-${index}`));
    assert.deepEqual(told, ["event", "event"]);
    const failing = { onEvent: () => assert.fail("a fault"), onEnd: (error: Error) => void told.push(error.message) };
    await cache.watch({ ...request, after: undefined }, failing, never);
    await apply(cache, configMap("last"));
    assert.deepEqual(told.slice(2), ["Cannot go on watching: the watcher failed"]);
  }));

test("bookmarks come at the interval to those who want them, and before the end", async () => {
  await using store = createSqliteStore({ path: ":memory:" });
  const cache = createWatchCache({ store, kind: configMaps, bookmarkIntervalMs: 1 });
  using wanting = await recordEvents(cache, { wantsBookmarks: true });
  using silent = await recordEvents(cache);
  await store.write({ key: "/registry/core/pods/default/a", value: "{}", expected: 0 }, never);
  const bookmark = await wanting.found(({ type, revision }) => type === "BOOKMARK" && revision === 2);
  assert.ok(bookmark.type === "BOOKMARK" && !bookmark.endsInitialEvents);
  const before = wanting.events.length;
  await cache[Symbol.asyncDispose]();
  assert.ok(wanting.events.length > before);
  assert.deepEqual(silent.events, []);
  for (const watch of [wanting, silent]) assert.equal(((await watch.ended) as StoreError).code, "closed");
  await assert.rejects(listAll(cache), { code: "closed" });
});

test("a bookmark comes when a watcher has asked for it, if it wants bookmarks and still watches", () =>
  withCache(async (cache) => {
    await apply(cache, configMap("one"));
    using gone = await recordEvents(cache, { wantsBookmarks: true, bookmarkAfterMs: 1 });
    gone[Symbol.dispose]();
    using silent = await recordEvents(cache, { bookmarkAfterMs: 1 });
    using wanting = await recordEvents(cache, { wantsBookmarks: true, bookmarkAfterMs: 2 });
    await wanting.found(({ type, revision }) => type === "BOOKMARK" && revision === 2);
    assert.deepEqual(
      [...gone.events, ...silent.events].filter(({ type }) => type === "BOOKMARK"),
      [],
    );
  }));

test("a cache whose store watch ends with compacted ends its watchers with 410 and loads again", async () => {
  await using store = createSqliteStore({ path: ":memory:" });
  const listeners: WatchListener[] = [];
  const observed: Store = {
    ...store,
    watch(prefix, after, listener) {
      listeners.push(listener);
      return store.watch(prefix, after, listener);
    },
  };
  await using cache = createWatchCache({ store: observed, kind: configMaps });
  await apply(cache, configMap("one"));
  using watch = await recordEvents(cache, { after: 1 });
  listeners[0]?.onEnd(new StoreError({ code: "compacted", message: "too slow", compactedRevision: 7 }));
  const error = await watch.ended;
  assert.ok(isApiError(error, "Expired"));
  assert.equal(error.message, "too old resource version: 2 (7)");
  assert.deepEqual(namesOf(await listAll(cache)), ["one"]);
  using again = await recordEvents(cache, { after: 2 });
  await apply(cache, configMap("two"));
  assert.deepEqual(again.lines, ["ADDED two 3"]);
});

test("a cache that reads something else than an object says so and does not end the process", () =>
  withCache(async (cache, store) => {
    using watch = await recordEvents(cache);
    const key = "/registry/core/configmaps/default/broken";
    const revision = await store.write({ key, value: "no JSON", expected: 0 }, never);
    const error = await watch.ended;
    assert.ok(isApiError(error, "InternalError"));
    assert.match(error.message, /the store has no JSON as "\/registry\/core\/configmaps\/default\/broken"/);
    await assert.rejects(listAll(cache), { code: 500 });
    await store.write({ key, value: undefined, expected: revision }, never);
    assert.deepEqual(namesOf(await listAll(cache)), []);
  }));

test("calls with an aborted signal reject with its reason", () =>
  withCache(async (cache) => {
    const signal = AbortSignal.abort(new Error("nobody waits"));
    const request = { namespace: undefined, selector: () => true };
    const list = { ...request, selectsAll: true, freshness: "latest" } as const;
    const watch = { ...request, after: undefined, marksInitialEvents: false, wantsBookmarks: false };
    const calls = [
      cache.get("a", "b", "latest", signal),
      cache.list(list, signal),
      cache.watch(watch, { onEvent: () => true, onEnd: () => undefined }, signal),
      cache.write({ namespace: "a", name: "b", next: configMap("b"), expected: 0 }, signal),
    ];
    for (const error of await Promise.all(calls.map(rejection))) assert.equal(error, signal.reason);
  }));
