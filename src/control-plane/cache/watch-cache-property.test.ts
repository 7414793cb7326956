import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import { isApiError } from "#api/api-error.ts";
import type { KubeObject } from "#api/kind.ts";
import { createSqliteStore } from "../store/sqlite/sqlite-store.ts";
import { isStoreError, type Revision, type Store } from "../store/store.ts";
import { createWatchCache } from "./create-watch-cache.ts";
import { decodeStored } from "./stored-text.ts";
import { configMap, configMaps, listAll, never, revisionOf } from "./testing/cache-fixture.ts";
import type { CacheEvent, Selector, WatchCache } from "./watch-cache.ts";

interface Selection {
  readonly namespace: string | undefined;
  readonly app: string | undefined;
  readonly isPinned: boolean;
}

type Step =
  | { readonly do: "write"; readonly namespace: string; readonly name: string; readonly app: string }
  | { readonly do: "delete"; readonly namespace: string; readonly name: string }
  | { readonly do: "watch"; readonly selection: Selection }
  | { readonly do: "disconnect" | "page"; readonly watcher: number }
  | { readonly do: "compact"; readonly behind: number }
  | { readonly do: "restart" | "turn" };

const namespace = fc.constantFrom("a", "a-b", "b");
const name = fc.constantFrom("x", "y", "x-y", "z");
const app = fc.constantFrom("web", "db");
const selection = fc.record({
  namespace: fc.option(namespace, { nil: undefined }),
  app: fc.option(app, { nil: undefined }),
  isPinned: fc.boolean(),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: fc.record({ do: fc.constant("write" as const), namespace, name, app }), weight: 10 },
  { arbitrary: fc.record({ do: fc.constant("delete" as const), namespace, name }), weight: 4 },
  { arbitrary: fc.record({ do: fc.constant("watch" as const), selection }), weight: 2 },
  {
    arbitrary: fc.record({ do: fc.constantFrom("disconnect" as const, "page" as const), watcher: fc.nat(9) }),
    weight: 3,
  },
  { arbitrary: fc.record({ do: fc.constant("compact" as const), behind: fc.nat(12) }), weight: 1 },
  { arbitrary: fc.record({ do: fc.constantFrom("restart" as const, "turn" as const) }), weight: 1 },
);

function selectorOf({ app: wanted, isPinned }: Selection): Selector {
  const matches = ({ metadata }: KubeObject): boolean => wanted === undefined || metadata.labels?.["app"] === wanted;
  if (wanted === undefined || !isPinned) return matches;
  return Object.assign(matches, { pins: { "metadata.labels.app": wanted } });
}

function placeOf({ metadata }: KubeObject): string {
  return `${metadata.namespace}/${metadata.name}`;
}

/** A client as informers are: lists, watches, resumes, lists again after 410; checks every event against its state. */
function createClient(chosen: Selection) {
  const objects = new Map<string, KubeObject>();
  const selector = selectorOf(chosen);
  let revision: Revision | undefined;
  let handle: Disposable | undefined;

  function onEvent(event: CacheEvent): boolean {
    const before = revision ?? 0;
    revision = event.revision;
    assert.ok(event.revision >= before, "back in time");
    if (event.type === "BOOKMARK") return true;
    assert.ok(event.revision > before, "told twice");
    const place = placeOf(event.object);
    assert.equal(event.type === "ADDED", !objects.has(place), `${event.type} ${place}`);
    assert.equal(revisionOf(event.object), event.revision);
    if (event.type === "DELETED") objects.delete(place);
    else objects.set(place, event.object);
    return true;
  }

  function disconnect(): void {
    handle?.[Symbol.dispose]();
    handle = undefined;
  }

  async function relist(cache: WatchCache): Promise<void> {
    const listed = await listAll(cache, { namespace: chosen.namespace, selector, selectsAll: false });
    objects.clear();
    for (const object of listed.objects) objects.set(placeOf(object), object);
    revision = listed.revision;
  }

  return {
    chosen,
    objects,
    selector,
    disconnect,
    async connect(cache: WatchCache): Promise<void> {
      if (handle !== undefined) return;
      if (revision === undefined) await relist(cache);
      for (;;) {
        const request = {
          namespace: chosen.namespace,
          selector,
          after: revision,
          marksInitialEvents: false,
          wantsBookmarks: true,
        };
        try {
          handle = await cache.watch(request, { onEvent, onEnd: disconnect }, never);
          return;
        } catch (error) {
          if (!isApiError(error, "Expired")) throw error;
          await relist(cache);
        }
      }
    },
  };
}

async function change(
  cache: WatchCache,
  { namespace: space, name: called }: Extract<Step, { do: "write" | "delete" }>,
  next: KubeObject | undefined,
) {
  const current = await cache.get(space, called, "latest", never);
  if (next === undefined && current === undefined) return;
  const written = await cache.write({ namespace: space, name: called, next, expected: revisionOf(current) }, never);
  // What was written can be read, at once.
  assert.equal(await cache.get(space, called, "any", never), next === undefined ? undefined : written);
}

/** All pages of a list, with writes between them; they are of one revision. */
async function checkPages(cache: WatchCache, store: Store, write: () => Promise<void>): Promise<void> {
  const expected = await everything(store);
  const seen: KubeObject[] = [];
  let page = await listAll(cache, { limit: 2 });
  seen.push(...page.objects);
  while (page.continueToken !== undefined) {
    await write();
    page = await listAll(cache, { limit: 2, continueToken: page.continueToken });
    seen.push(...page.objects);
  }
  assert.deepEqual(seen, expected);
}

async function everything(store: Store): Promise<readonly KubeObject[]> {
  const { entries } = await store.list({ prefix: "/registry/core/configmaps/" }, never);
  return entries.map(({ key, value, revision }) => decodeStored(value, revision, key));
}

async function run(steps: readonly Step[]): Promise<void> {
  await using store = createSqliteStore({ path: ":memory:" });
  // So short that most resumes go through the store.
  const options = { store, kind: configMaps, historyBounds: { maxChanges: 12, minChanges: 2, maxAgeMs: 0 } };
  let cache = createWatchCache(options);
  const clients: ReturnType<typeof createClient>[] = [];
  let writes = 0;
  for (const next of steps) {
    switch (next.do) {
      case "write": {
        const { namespace: space, name: called, app: label } = next;
        await change(
          cache,
          next,
          configMap(called, { namespace: space, labels: { app: label }, value: String(writes++) }),
        );
        break;
      }
      case "delete":
        await change(cache, next, undefined);
        break;
      case "watch": {
        const client = createClient(next.selection);
        clients.push(client);
        await client.connect(cache);
        break;
      }
      case "disconnect": {
        const client = clients[next.watcher % clients.length];
        client?.disconnect();
        // The others come back one by one.
        await clients[(next.watcher + 1) % clients.length]?.connect(cache);
        break;
      }
      case "page": {
        const other = { do: "write", namespace: "b", name: "z", app: "web" } as const;
        await checkPages(cache, store, () =>
          change(cache, other, configMap("z", { namespace: "b", value: String(writes++) })),
        );
        break;
      }
      case "compact": {
        const revision = (await store.currentRevision(never)) - next.behind;
        if (revision > 0) await store.compact(revision, never);
        break;
      }
      case "restart":
        await cache[Symbol.asyncDispose]();
        cache = createWatchCache(options);
        break;
      case "turn":
        await setImmediate();
        break;
      default:
        assert.fail(next satisfies never);
    }
  }
  const expected = await everything(store);
  for (const client of clients) {
    await client.connect(cache);
    const wanted = expected.filter(
      (object) =>
        (client.chosen.namespace ?? object.metadata.namespace) === object.metadata.namespace && client.selector(object),
    );
    assert.deepEqual([...client.objects.values()].toSorted(byPlace), wanted.toSorted(byPlace));
  }
  await cache[Symbol.asyncDispose]();
}

function byPlace(a: KubeObject, b: KubeObject): number {
  return placeOf(a) < placeOf(b) ? -1 : 1;
}

test("every watcher ends with the store's state, whatever is written, compacted, restarted and disconnected", {
  timeout: 120_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 150, size: "max" }), async (steps) => {
      await run(steps).catch((error: unknown) => {
        if (!isStoreError(error, "conflict")) throw error;
        assert.fail("a conflict without a competitor");
      });
    }),
    { numRuns: 150 },
  );
});
