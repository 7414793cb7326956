/**
 * The watches of one SQLite store. A watch that begins in the past reads the log in steps until it has caught up;
 * from then on each commit is handed to it in the same turn of the event loop.
 */
import { type Revision, type Store, StoreError, type StoreEvent, type WatchListener } from "../store.ts";
import { compactedError } from "../store-errors.ts";
import type { LogRow, Statements } from "./statements.ts";

/** Rows read in one turn of the event loop. */
const STEP = 256;

const NOTHING: readonly StoreEvent[] = [];

interface Watch {
  readonly prefix: string;
  readonly listener: WatchListener;
  /** Everything up to it has been told. */
  position: Revision;
  isLive: boolean;
}

export interface WatchHub {
  readonly watch: Store["watch"];
  /** Right after the commit. A write made by a listener is told after these, to everybody. */
  publish(events: readonly StoreEvent[]): void;
  end(error: StoreError): void;
}

export function createWatchHub(
  statements: Pick<Statements, "events" | "compactedRevision">,
  currentRevision: () => Revision,
): WatchHub {
  const watches = new Set<Watch>();
  const queue: StoreEvent[] = [];
  let isPublishing = false;

  function deliver(event: StoreEvent): void {
    for (const watch of watches) {
      if (!watch.isLive || event.revision <= watch.position) continue;
      watch.position = event.revision;
      tell(watch, event.key.startsWith(watch.prefix) ? [event] : NOTHING, event.revision);
    }
  }

  function catchUp(watch: Watch): void {
    if (!watches.has(watch)) return;
    try {
      readOn(watch);
    } catch (cause) {
      watches.delete(watch);
      watch.listener.onEnd(
        new StoreError({ code: "unavailable", message: "Cannot go on watching: the log cannot be read", cause }),
      );
    }
  }

  function readOn(watch: Watch): void {
    const compactedRevision = statements.compactedRevision();
    if (watch.position < compactedRevision) {
      watches.delete(watch);
      watch.listener.onEnd(compactedError(watch.position, compactedRevision));
      return;
    }
    const rows = statements.events(watch.prefix, watch.position, STEP);
    const newest = currentRevision();
    watch.position = rows.length < STEP ? newest : (rows.at(-1)?.revision ?? newest);
    // Before it is told: what the listener writes comes by `publish` then.
    watch.isLive = watch.position === newest;
    if (!watch.isLive) setImmediate(catchUp, watch);
    tell(watch, rows.map(eventOf), watch.position);
  }

  return {
    watch(prefix, after, listener) {
      // Commits that are not told yet come through the queue.
      const told = queue[0] === undefined ? currentRevision() : queue[0].revision - 1;
      const watch: Watch = { prefix, listener, position: after, isLive: after >= told };
      watches.add(watch);
      if (!watch.isLive) setImmediate(catchUp, watch);
      return { [Symbol.dispose]: () => void watches.delete(watch) };
    },
    publish(events) {
      queue.push(...events);
      if (isPublishing) return;
      isPublishing = true;
      for (let next = queue[0]; next !== undefined; next = queue[0]) {
        deliver(next);
        queue.shift();
      }
      isPublishing = false;
    },
    end(error) {
      const ended = [...watches];
      watches.clear();
      for (const { listener } of ended) listener.onEnd(error);
    },
  };
}

/** What a listener throws is a fault of its own: neither the writer nor other listeners may suffer. */
function tell(watch: Watch, events: readonly StoreEvent[], revision: Revision): void {
  try {
    watch.listener.onEvents(events, revision);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

function eventOf({ key, revision, value, previous, previousValue }: LogRow): StoreEvent {
  const before = previousValue ?? undefined;
  const previousRevision = before === undefined ? 0 : previous;
  if (value === null) return { type: "delete", key, revision, previous: before, previousRevision };
  return { type: "put", key, value, revision, isNew: previous === 0, previous: before, previousRevision };
}
