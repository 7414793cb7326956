/** Config maps with numbers that are created, changed and deleted at random, while the store forgets now and then. */
import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import type { KubeObject } from "#api/kind.ts";
import { configMap } from "#api/kinds/config-map.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import { storePrefix } from "../cache/store-key.ts";
import type { Revision, Store, StoreEvent } from "../store/store.ts";

export interface WorldEntry {
  readonly number: number;
  readonly revision: Revision;
}

export interface World extends Disposable {
  readonly objects: number;
  /** All that happened, as the store told it before anybody else. */
  readonly history: readonly (WorldEntry & { readonly type: "ADDED" | "MODIFIED" | "DELETED" })[];
  /** Remembered: thousands of watchers read the same objects. */
  entryOf(object: KubeObject): WorldEntry;
  /** Creates all objects. */
  fill(): Promise<void>;
  /** So many random writes. */
  change(writes: number): Promise<void>;
  /** The last write. Gives its revision. */
  finish(): Promise<Revision>;
  /** Of each object, as the store has it; 0: it is not there. */
  revisions(): Promise<Int32Array>;
}

export interface WorldOptions {
  readonly client: ApiClient;
  /** Nobody watches it yet. */
  readonly store: Store;
  readonly objects: number;
  readonly random: () => number;
  /** Writes between two turns of the event loop. */
  readonly burst?: number;
  /** Writes between two compactions, which leave up to as many revisions. */
  readonly compaction?: number;
}

const NAMESPACES = 10;
const TIERS = ["a", "b", "c"];
const PREFIX = storePrefix(configMap);
const never = new AbortController().signal;

/** "m17", in "ns7". */
export function placeOf(number: number): { readonly namespace: string; readonly name: string } {
  return { namespace: `ns${number % NAMESPACES}`, name: `m${number}` };
}

function numberOf(name: string): number {
  return Number(name.slice(name.lastIndexOf("m") + 1));
}

export async function createWorld(options: WorldOptions): Promise<World> {
  const { client, store, objects, random, burst = 8, compaction = 150 } = options;
  const there = new Set<number>();
  const history: World["history"][number][] = [];
  const entries = new WeakMap<KubeObject, WorldEntry>();
  const pick = (count: number): number => Math.floor(random() * count);
  const watch = store.watch(PREFIX, await store.currentRevision(never), {
    onEvents: (events) => void history.push(...events.map(historyOf)),
    onEnd: () => undefined,
  });

  async function write(number: number): Promise<Revision> {
    const labels = { tier: TIERS[pick(TIERS.length)] ?? "" };
    const data = { a: String(pick(1000)) };
    const place = placeOf(number);
    const written = there.has(number)
      ? await client.patch(configMap, place, { type: "merge", body: { metadata: { labels }, data } }, never)
      : await client.create(configMap, { metadata: { ...place, labels }, data }, never);
    there.add(number);
    return Number(written.metadata.resourceVersion);
  }

  async function remove(number: number): Promise<void> {
    await client.delete(configMap, placeOf(number), {}, never);
    there.delete(number);
  }

  return {
    objects,
    history,
    entryOf(object) {
      const known = entries.get(object);
      if (known !== undefined) return known;
      const { name = "", resourceVersion } = object.metadata;
      const entry = { number: numberOf(name), revision: Number(resourceVersion) };
      entries.set(object, entry);
      return entry;
    },
    async fill() {
      for (let number = 0; number < objects; number++) await write(number);
    },
    async change(writes) {
      for (let count = 1; count <= writes; count++) {
        const number = pick(objects);
        if (there.has(number) && random() < 0.4) await remove(number);
        else await write(number);
        if (count % burst === 0) await setImmediate();
        if (count % compaction > 0) continue;
        await store.compact((await store.currentRevision(never)) - pick(compaction), never);
      }
    },
    async finish() {
      // Removed first, so that it is another one than before in any case.
      if (there.has(0)) await remove(0);
      const revision = await write(0);
      assert.equal(history.at(-1)?.revision, revision);
      return revision;
    },
    async revisions() {
      const revisions = new Int32Array(objects);
      const page = await store.list({ prefix: PREFIX }, never);
      for (const { key, revision } of page.entries) revisions[numberOf(key)] = revision;
      return revisions;
    },
    [Symbol.dispose]: () => watch[Symbol.dispose](),
  };
}

function historyOf(event: StoreEvent): World["history"][number] {
  const type = event.type === "delete" ? "DELETED" : event.isNew ? "ADDED" : "MODIFIED";
  return { type, number: numberOf(event.key), revision: event.revision };
}
