/**
 * All watches of one etcd store on one feed. The feed's last events are kept, so that a watch that begins a little
 * in the past, as after a list, joins at once; one that begins further back gets a feed of its own until it is there.
 */
import type { Revision, Store, StoreError, StoreEvent, WatchListener } from "../store.ts";
import type { EtcdConnection } from "./etcd-connection.ts";
import { startFeed } from "./etcd-feed.ts";
import type { EtcdEvent } from "./etcd-messages.ts";

/** Events kept, and the size of their values in UTF-16 units. */
const RECENT_EVENTS = 1_024;
const RECENT_LENGTH = 4_000_000;

interface Watch {
  readonly prefix: string;
  readonly listener: WatchListener;
  position: Revision;
  /** Its own feed while it is behind. */
  catchUp: Disposable | undefined;
}

/** A feed, what it has told lately, and who listens. */
interface MainLine {
  readonly feed: Disposable;
  readonly watches: Set<Watch>;
  readonly recent: StoreEvent[];
  recentLength: number;
  /** `recent` has everything behind it. */
  recentAfter: Revision;
  position: Revision;
}

export interface EtcdWatchHub {
  readonly watch: Store["watch"];
  /** Everything up to the revision was compacted: it is not told any more. */
  forget(revision: Revision): void;
  end(error: StoreError): void;
}

/** `keyOf` gives undefined for keys that are not the store's. */
export function createEtcdWatchHub(
  connection: EtcdConnection,
  keyOf: (etcdKey: string) => string | undefined,
): EtcdWatchHub {
  /** Neither disposed of nor ended. */
  const watches = new Set<Watch>();
  let main: MainLine | undefined;

  function startMain(after: Revision): MainLine {
    const line: MainLine = {
      feed: startFeed(connection, after, {
        onEvents(etcdEvents, revision) {
          const events = storeEvents(etcdEvents, keyOf);
          remember(line, events, revision);
          for (const watch of line.watches) tell(watch, events, revision);
        },
        onEnd(error) {
          if (main === line) main = undefined;
          for (const watch of line.watches) end(watch, error);
        },
      }),
      watches: new Set(),
      recent: [],
      recentLength: 0,
      recentAfter: after,
      position: after,
    };
    return line;
  }

  /** False when the main line does not know any more what the watch needs. */
  function join(watch: Watch): boolean {
    main ??= startMain(watch.position);
    const line = main;
    if (watch.position < line.recentAfter) return false;
    // Before the line has it, so that it is told in order.
    if (watch.position < line.position) tell(watch, line.recent, line.position);
    if (watches.has(watch)) line.watches.add(watch);
    return true;
  }

  function catchUp(watch: Watch): void {
    watch.catchUp = startFeed(connection, watch.position, {
      onEvents(etcdEvents, revision) {
        tell(watch, storeEvents(etcdEvents, keyOf), revision);
        if (watches.has(watch) && join(watch)) stopCatchUp(watch);
      },
      onEnd: (error) => end(watch, error),
    });
  }

  function end(watch: Watch, error: StoreError): void {
    stopCatchUp(watch);
    if (watches.delete(watch)) watch.listener.onEnd(error);
  }

  function remove(watch: Watch): void {
    watches.delete(watch);
    stopCatchUp(watch);
    main?.watches.delete(watch);
    if (main?.watches.size === 0) stopMain();
  }

  function stopMain(): void {
    main?.feed[Symbol.dispose]();
    main = undefined;
  }

  return {
    watch(prefix, after, listener) {
      const watch: Watch = { prefix, listener, position: after, catchUp: undefined };
      watches.add(watch);
      // The caller has its handle before the first event.
      queueMicrotask(() => {
        if (watches.has(watch) && !join(watch)) catchUp(watch);
      });
      return { [Symbol.dispose]: () => remove(watch) };
    },
    forget(revision) {
      while (main?.recent[0] !== undefined && main.recent[0].revision <= revision) forgetOldest(main);
      if (main !== undefined) main.recentAfter = Math.max(main.recentAfter, Math.min(revision, main.position));
    },
    end(error) {
      stopMain();
      for (const watch of watches) end(watch, error);
    },
  };
}

function stopCatchUp(watch: Watch): void {
  watch.catchUp?.[Symbol.dispose]();
  watch.catchUp = undefined;
}

function remember(line: MainLine, events: readonly StoreEvent[], revision: Revision): void {
  line.position = revision;
  for (const event of events) {
    line.recent.push(event);
    line.recentLength += lengthOf(event);
  }
  while (line.recent.length > RECENT_EVENTS || line.recentLength > RECENT_LENGTH) forgetOldest(line);
}

/** Whole revisions: a watch may begin behind the last one that is forgotten. */
function forgetOldest(line: MainLine): void {
  const revision = line.recent[0]?.revision;
  if (revision === undefined) return;
  const firstKept = line.recent.findIndex((event) => event.revision !== revision);
  const forgotten = line.recent.splice(0, firstKept === -1 ? line.recent.length : firstKept);
  for (const event of forgotten) line.recentLength -= lengthOf(event);
  line.recentAfter = revision;
}

function lengthOf(event: StoreEvent): number {
  return (event.type === "put" ? event.value.length : 0) + (event.previous?.length ?? 0);
}

/** What a listener throws is a fault of its own: the feed goes on for the others. */
function tell(watch: Watch, events: readonly StoreEvent[], revision: Revision): void {
  if (revision <= watch.position) return;
  const fresh = events.filter((event) => event.revision > watch.position && event.key.startsWith(watch.prefix));
  watch.position = revision;
  try {
    watch.listener.onEvents(fresh, revision);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

function storeEvents(events: readonly EtcdEvent[], keyOf: (key: string) => string | undefined): StoreEvent[] {
  return events.flatMap((event): StoreEvent[] => {
    const { kv, prevKv } = event;
    const key = kv === undefined ? undefined : keyOf(kv.key);
    if (kv === undefined || key === undefined) return [];
    const revision = Number(kv.modRevision);
    const past = { previous: prevKv?.value, previousRevision: Number(prevKv?.modRevision ?? 0n) };
    if (event.type === "DELETE") return [{ type: "delete", key, revision, ...past }];
    const isNew = kv.createRevision === kv.modRevision;
    return [{ type: "put", key, value: kv.value, revision, isNew, ...past }];
  });
}
