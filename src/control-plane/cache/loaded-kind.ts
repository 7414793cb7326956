/**
 * What a cache has in memory between two loads: the objects, the latest changes and the watchers. Everything here is
 * synchronous, so that nothing can happen between a look at the objects and the subscription to what follows.
 */
import type { KubeObject } from "#api/kind.ts";
import type { Revision, StoreEvent } from "../store/store.ts";
import { type Change, departedOf, eventFor, isInNamespace, type View } from "./change.ts";
import { createHistory, type History, type HistoryBounds, undo } from "./history.ts";
import type { OwnWrites } from "./own-writes.ts";
import { createProgress, type Progress } from "./progress.ts";
import type { Snapshot, SnapshotEntry } from "./snapshot.ts";
import { decodeStored, withRevision } from "./stored-text.ts";
import type { CacheEvent, CacheWatcher, CacheWatchRequest } from "./watch-cache.ts";
import { createWatcherIndex } from "./watcher-index.ts";

export interface LoadedKind {
  readonly progress: Progress;
  readonly history: History;
  get(key: string): KubeObject | undefined;
  /** Everything up to the revision is in the events. */
  apply(events: readonly StoreEvent[], revision: Revision): void;
  /** As of a revision that is neither before the history nor in the future. */
  view(revision: Revision): readonly SnapshotEntry[];
  /** `after` is not before the history. Initial events are told before this returns. */
  subscribe(request: CacheWatchRequest, watcher: CacheWatcher): Disposable;
  /** A bookmark for all who want them. */
  bookmark(): void;
  /** For all watchers, and for whoever waits for progress. */
  end(error: Error): void;
}

interface Subscription extends View {
  readonly watcher: CacheWatcher;
  readonly wantsBookmarks: boolean;
  /** Changes up to it are not told: the watcher knows them. */
  readonly after: Revision;
}

export interface Loaded {
  /** Of the store. */
  readonly prefix: string;
  readonly snapshot: Snapshot;
  readonly revision: Revision;
  readonly own: OwnWrites;
  readonly bounds: HistoryBounds;
}

export function createLoadedKind({ prefix, snapshot, revision: start, own, bounds }: Loaded): LoadedKind {
  const progress = createProgress(start);
  const history = createHistory(start, bounds);
  const subscriptions = createWatcherIndex<Subscription>();

  function changeOf(event: StoreEvent): Change {
    const key = event.key.slice(prefix.length);
    const { revision } = event;
    if (event.type === "put") {
      const written = own.find(key, event.value);
      const last = snapshot.get(key);
      const object =
        written === undefined
          ? decodeStored(event.value, revision, event.key, last)
          : withRevision(written, revision, last);
      own.settle(key, revision, object);
      return { key, revision, object, previous: snapshot.set(key, object) };
    }
    const change: Change = { key, revision, object: undefined, previous: snapshot.delete(key) };
    if (change.previous !== undefined && own.isWriting(key)) {
      own.settle(key, revision, departedOf(change, change.previous));
    }
    return change;
  }

  function tell(subscription: Subscription, event: CacheEvent): boolean {
    let takesMore = false;
    try {
      takesMore = subscription.watcher.onEvent(event);
    } catch (cause) {
      subscription.watcher.onEnd(new Error("Cannot go on watching: the watcher failed", { cause }));
    }
    if (!takesMore) subscriptions.delete(subscription);
    return takesMore;
  }

  function dispatch(change: Change): void {
    for (const subscription of subscriptions.candidates(change)) {
      if (change.revision <= subscription.after) continue;
      const event = eventFor(change, subscription);
      if (event !== undefined) tell(subscription, event);
    }
  }

  function bookmark(subscription: Subscription): void {
    const { revision } = progress;
    // Whose watch is over may still have its timer.
    if (!subscription.wantsBookmarks || subscription.after > revision || !subscriptions.has(subscription)) return;
    tell(subscription, { type: "BOOKMARK", revision, endsInitialEvents: false });
  }

  function replay(subscription: Subscription): void {
    for (const change of history.since(subscription.after)) {
      const event = eventFor(change, subscription);
      if (event !== undefined && !tell(subscription, event)) return;
    }
  }

  function tellInitial(subscription: Subscription, marksInitialEvents: boolean): void {
    const { namespace, selector } = subscription;
    const revision = progress.revision;
    for (const { key, object } of snapshot.entries) {
      if ((namespace !== undefined && !isInNamespace(key, namespace)) || !selector(object)) continue;
      if (!tell(subscription, { type: "ADDED", object, revision: Number(object.metadata.resourceVersion) })) return;
    }
    if (marksInitialEvents) tell(subscription, { type: "BOOKMARK", revision, endsInitialEvents: true });
  }

  return {
    progress,
    history,
    get: (key) => snapshot.get(key),
    apply(events, revision) {
      // Most writes are to other kinds.
      if (events.length === 0) {
        progress.advance(revision);
        return;
      }
      const changes = events.map(changeOf);
      history.append(changes, performance.now());
      progress.advance(revision);
      for (const change of changes) dispatch(change);
    },
    view: (revision) =>
      revision === progress.revision ? snapshot.entries : undo(snapshot.entries, history.since(revision)),
    subscribe(request, watcher) {
      const { namespace, selector, after, wantsBookmarks, marksInitialEvents, bookmarkAfterMs } = request;
      const subscription = { namespace, selector, watcher, wantsBookmarks, after: after ?? progress.revision };
      subscriptions.add(subscription);
      if (after === undefined) tellInitial(subscription, marksInitialEvents);
      else replay(subscription);
      const timer =
        bookmarkAfterMs === undefined ? undefined : setTimeout(() => bookmark(subscription), bookmarkAfterMs).unref();
      return {
        [Symbol.dispose]() {
          clearTimeout(timer);
          subscriptions.delete(subscription);
        },
      };
    },
    bookmark() {
      for (const subscription of subscriptions.all()) bookmark(subscription);
    },
    end(error) {
      progress.stop();
      for (const subscription of subscriptions.all()) {
        subscriptions.delete(subscription);
        subscription.watcher.onEnd(error);
      }
    },
  };
}
