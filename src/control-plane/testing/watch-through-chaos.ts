/** A thousand watchers of one kind, in process, through the real cache and resource API. */
import assert from "node:assert/strict";
import { createLocalApi } from "../resources/testing/local-api.ts";
import { createSqliteStore } from "../store/sqlite/sqlite-store.ts";
import { seededRandom } from "./random.ts";
import { type ReflectorCounts, startReflector } from "./reflector.ts";
import { createWorld } from "./world.ts";

export interface Chaos {
  readonly watchers: number;
  readonly objects: number;
  readonly writes: number;
  readonly seed: number;
}

/** Of the cache, so short that most who were away have to be helped by the store, and many have missed too much. */
const SHORT_HISTORY = { maxChanges: 200, maxAgeMs: 0, minChanges: 100 };

export async function watchThroughChaos({ watchers, objects, writes, seed }: Chaos): Promise<ReflectorCounts> {
  const random = seededRandom(seed);
  await using store = createSqliteStore({ path: ":memory:" });
  await using local = createLocalApi(store, { historyBounds: SHORT_HISTORY });
  using world = await createWorld({ client: local.client(), store, objects, random, compaction: 80 });
  await world.fill();
  const stops = Array.from({ length: watchers }, () => new AbortController());
  const client = local.client();
  const reflectors = stops.map(({ signal }) =>
    startReflector({ client, world, random, disconnects: 1 / 250, maxTurnsAway: 200, signal }),
  );
  await world.change(writes);
  const revision = await world.finish();
  await Promise.all(reflectors.map((reflector) => reflector.reached(revision)));
  for (const stop of stops) stop.abort();
  const expected = Buffer.from((await world.revisions()).buffer);
  for (const [index, { revisions }] of reflectors.entries()) {
    assert.ok(Buffer.from(revisions.buffer).equals(expected), `watcher ${index} ended with another state`);
  }
  const total = (count: keyof ReflectorCounts) => reflectors.reduce((sum, { counts }) => sum + counts[count], 0);
  return { lists: total("lists"), watches: total("watches"), events: total("events") };
}
