/**
 * What client-go's reflector does, with as little memory as a thousand of them in one process need: list, watch from
 * there, resume where a watch ended, list again on 410. Of each object it keeps the revision, and it checks each event
 * against what the store itself has told: nothing may be lost, told twice, or told as something else.
 */
import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { isApiError } from "#api/api-error.ts";
import { type ConfigMap, configMap } from "#api/kinds/config-map.ts";
import type { ApiClient, TypedWatchEvent } from "#api-client/api-client.ts";
import type { World } from "./world.ts";

export interface ReflectorCounts {
  readonly lists: number;
  readonly watches: number;
  readonly events: number;
}

export interface Reflector {
  /** Of the object with that number; 0: it is not there. */
  readonly revisions: Int32Array;
  readonly counts: ReflectorCounts;
  /** Resolves when it has seen everything up to the revision. Rejects when it found something wrong. */
  reached(revision: number): Promise<void>;
}

export interface ReflectorOptions {
  readonly client: Pick<ApiClient, "list" | "watch">;
  readonly world: Pick<World, "objects" | "history" | "entryOf">;
  readonly random: () => number;
  /** Chance that it loses its connection behind an event. */
  readonly disconnects: number;
  /** Longest time that it is away then, in turns of the event loop. */
  readonly maxTurnsAway: number;
  readonly signal: AbortSignal;
}

export function startReflector(options: ReflectorOptions): Reflector {
  const { client, world, random, disconnects, maxTurnsAway, signal } = options;
  const { history } = world;
  const revisions = new Int32Array(world.objects);
  const counts = { lists: 0, watches: 0, events: 0 };
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined); // `reached` tells
  let seen = 0;
  let goal: { readonly revision: number; readonly resolve: () => void } | undefined;

  function advance(revision: number): void {
    assert.ok(revision >= seen, `went back from ${seen} to ${revision}`);
    seen = revision;
    if (goal !== undefined && seen >= goal.revision) goal.resolve();
  }

  function take(event: TypedWatchEvent<ConfigMap>, expected: number): void {
    if (event.type === "BOOKMARK") {
      const next = history[expected];
      const revision = Number(event.resourceVersion);
      assert.ok(
        next === undefined || next.revision > revision,
        `the bookmark ${revision} passes over ${next?.revision}`,
      );
      advance(revision);
      return;
    }
    const { number, revision } = world.entryOf(event.object);
    assert.deepEqual({ type: event.type, number, revision }, history[expected]);
    revisions[number] = event.type === "DELETED" ? 0 : revision;
    advance(revision);
  }

  async function list(): Promise<void> {
    const { items, resourceVersion } = await client.list(configMap, {}, signal);
    revisions.fill(0);
    for (const item of items) {
      const { number, revision } = world.entryOf(item);
      revisions[number] = revision;
    }
    counts.lists++;
    advance(Number(resourceVersion));
  }

  async function follow(): Promise<void> {
    counts.watches++;
    let expected = firstBehind(history, seen);
    for await (const event of client.watch(configMap, { resourceVersion: String(seen) }, signal)) {
      counts.events++;
      take(event, expected);
      if (event.type !== "BOOKMARK") expected++;
      if (random() < disconnects) break;
    }
    for (let turns = random() * maxTurnsAway; turns > 0; turns--) await setImmediate();
  }

  async function run(): Promise<void> {
    let isListed = false;
    while (!signal.aborted) {
      try {
        if (isListed) await follow();
        else await list();
        isListed = true;
      } catch (error) {
        if (signal.aborted) return;
        if (!isApiError(error, "Expired")) throw error;
        isListed = false;
      }
    }
  }

  run().catch(failed.reject);
  return {
    revisions,
    counts,
    async reached(revision) {
      const { promise, resolve } = Promise.withResolvers<void>();
      goal = { revision, resolve };
      if (seen >= revision) resolve();
      await Promise.race([promise, failed.promise]);
    },
  };
}

function firstBehind(history: World["history"], revision: number): number {
  let low = 0;
  let high = history.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((history[middle]?.revision ?? 0) > revision) high = middle;
    else low = middle + 1;
  }
  return low;
}
