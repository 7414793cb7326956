/** A watch that keeps what it is told, checks the order, and lets a test wait for a revision or the end. */
import assert from "node:assert/strict";
import type { Revision, Store, StoreError, StoreEvent } from "../store.ts";

/** Longest wait of a test for anything; nothing that works takes that long. */
export const PATIENCE_MS = 60_000;

export interface WatchRecorder extends Disposable {
  readonly events: readonly StoreEvent[];
  /** Resolves once everything up to the revision has been told. */
  reached(revision: Revision): Promise<void>;
  /** Resolves once there is such an event. */
  found(matches: (event: StoreEvent) => boolean): Promise<StoreEvent>;
  ended(): Promise<StoreError>;
}

export function recordWatch(store: Store, prefix: string, after: Revision): WatchRecorder {
  const events: StoreEvent[] = [];
  const waiting = new Set<() => void>();
  let told = after;
  let end: StoreError | undefined;
  const handle = store.watch(prefix, after, {
    onEvents(batch, revision) {
      assert.equal(end, undefined, "an event after the end");
      for (const event of batch) {
        assert.ok(
          event.revision > told && event.revision <= revision,
          `${event.revision} between ${told}, ${revision}`,
        );
        assert.ok(event.key.startsWith(prefix), event.key);
        events.push(event);
      }
      told = revision;
      for (const check of waiting) check();
    },
    onEnd(error) {
      assert.equal(end, undefined, "a second end");
      end = error;
      for (const check of waiting) check();
    },
  });

  function when<T>(what: string, look: () => T | undefined): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const timer = setTimeout(() => {
      waiting.delete(check);
      reject(new Error(`Waited in vain for ${what}: told up to ${told}, ${events.length} events, end ${end?.message}`));
    }, PATIENCE_MS);
    const check = (): void => {
      const found = look();
      if (found === undefined) return;
      waiting.delete(check);
      clearTimeout(timer);
      resolve(found);
    };
    waiting.add(check);
    check();
    return promise;
  }

  return {
    events,
    async reached(revision) {
      await when(`revision ${revision}`, () => (told >= revision ? true : undefined));
    },
    found: (matches) => when("an event", () => events.find(matches)),
    ended: () => when("the end", () => end),
    [Symbol.dispose]: () => handle[Symbol.dispose](),
  };
}
