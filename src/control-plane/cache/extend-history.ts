/**
 * Reads changes from before a cache was loaded, or that it has forgotten, back from the store: watches resume over
 * a restart, and pages go on, for as long as the store knows.
 */
import type { KubeObject } from "#api/kind.ts";
import { type Revision, type Store, StoreError, type StoreEvent } from "../store/store.ts";
import type { Change } from "./change.ts";
import type { History } from "./history.ts";
import { decodeStored, revisionOf } from "./stored-text.ts";

export interface Extension {
  readonly store: Pick<Store, "watch">;
  /** Of the store. */
  readonly prefix: string;
  readonly history: History;
  /** What the cache has now, so that the same state stays the same object. */
  get(key: string): KubeObject | undefined;
}

/** Longest time for it; only a store that does not answer needs that. */
const TIMEOUT_MS = 10_000;

/** Gives false when the store has forgotten what is missing, or when it is too much to hold. */
export function extendHistory({ store, prefix, history, get }: Extension, after: Revision): Promise<boolean> {
  const changes: Change[] = [];
  const latest = new Map<string, KubeObject | undefined>();
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();

  function objectAt(key: string, text: string, revision: Revision): KubeObject {
    const now = get(key);
    if (now !== undefined && revisionOf(now) === revision) return now;
    return decodeStored(text, revision, prefix + key);
  }

  /** undefined when the store does not know any more what was there before. */
  function changeOf(event: StoreEvent): Change | undefined {
    const key = event.key.slice(prefix.length);
    const isNew = event.type === "put" && event.isNew;
    if (!isNew && !latest.has(key) && event.previous === undefined) return undefined;
    const previous = latest.has(key) ? latest.get(key) : previousOf(event, key);
    const object = event.type === "put" ? objectAt(key, event.value, event.revision) : undefined;
    latest.set(key, object);
    return { key, revision: event.revision, object, previous };
  }

  function previousOf({ previous, previousRevision }: StoreEvent, key: string): KubeObject | undefined {
    return previous === undefined ? undefined : objectAt(key, previous, previousRevision);
  }

  /** Gives the outcome once there is one. */
  function take(events: readonly StoreEvent[], revision: Revision): boolean | undefined {
    for (const event of events) {
      if (event.revision > history.after) break;
      const change = changeOf(event);
      if (change === undefined || changes.length >= history.maxChanges) return false;
      changes.push(change);
    }
    // At once: the history forgets with the next change.
    return revision < history.after ? undefined : history.prepend(changes, after, performance.now());
  }

  const timer = setTimeout(() => {
    reject(new StoreError({ code: "unavailable", message: "Cannot read the history: the store does not answer" }));
  }, TIMEOUT_MS);
  const watch = store.watch(prefix, after, {
    onEvents(events, revision) {
      try {
        const outcome = take(events, revision);
        if (outcome === undefined) return;
        watch[Symbol.dispose]();
        resolve(outcome);
      } catch (error) {
        watch[Symbol.dispose]();
        reject(error);
      }
    },
    onEnd(error) {
      if (error.code === "compacted") resolve(false);
      else reject(error);
    },
  });
  return promise.finally(() => {
    clearTimeout(timer);
    watch[Symbol.dispose]();
  });
}
