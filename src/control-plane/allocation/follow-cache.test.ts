import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "#api/kind.ts";
import type { CacheWatcher, WatchCache } from "../cache/watch-cache.ts";
import { type Follower, followCache } from "./follow-cache.ts";

const object = (name: string): KubeObject => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name } });

/** Only watches; `watchers` are those of all watches so far. */
function watchedCache() {
  const watchers: CacheWatcher[] = [];
  let opened = Promise.withResolvers<CacheWatcher>();
  const unused = async () => assert.fail("not used here");
  const cache: WatchCache = {
    get: unused,
    list: unused,
    write: unused,
    async watch(_request, watcher) {
      watchers.push(watcher);
      opened.resolve(watcher);
      opened = Promise.withResolvers<CacheWatcher>();
      return { [Symbol.dispose]: () => undefined };
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
  return { cache, next: () => opened.promise };
}

function recorder() {
  const told: string[] = [];
  const names = (objects: readonly KubeObject[]) => objects.map(({ metadata }) => metadata.name).join();
  const follower: Follower = {
    onObject: ({ metadata }) => told.push(`object ${metadata.name}`),
    onGone: ({ metadata }) => told.push(`gone ${metadata.name}`),
    onInitialEnd: (objects) => told.push(`initial ${names(objects)}`),
    onRevision: (revision) => told.push(`revision ${revision}`),
    onLost: () => told.push("lost"),
  };
  return { told, follower };
}

const endOfInitial = { type: "BOOKMARK", revision: 5, endsInitialEvents: true } as const;

test("followCache begins anew when its watch ends", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { cache, next } = watchedCache();
  const { told, follower } = recorder();
  const stop = new AbortController();
  const first = next();
  const following = followCache(cache, follower, stop.signal);
  const watcher = await first;
  watcher.onEvent({ type: "ADDED", object: object("a"), revision: 4 });
  watcher.onEvent(endOfInitial);
  await following;
  watcher.onEvent({ type: "DELETED", object: object("a"), revision: 6 });
  const second = next();
  watcher.onEnd(new Error("compacted"));
  // The loop is at its timer once everything that is ready has run.
  await new Promise(setImmediate);
  assert.equal(told.at(-1), "lost");
  context.mock.timers.tick(1000);
  (await second).onEvent(endOfInitial);
  stop.abort();
  assert.deepEqual(told, [
    "object a",
    "initial a",
    "revision 5",
    "gone a",
    "revision 6",
    "lost",
    "initial ",
    "revision 5",
  ]);
});

test("followCache rejects when it cannot begin", async () => {
  const { cache, next } = watchedCache();
  const { told, follower } = recorder();
  const first = next();
  const following = followCache(cache, follower, new AbortController().signal);
  (await first).onEnd(new Error("no store"));
  await assert.rejects(following, /no store/);
  assert.deepEqual(told, []);
});
