/**
 * The store in one file, or in memory, of this process alone. Reads and writes are synchronous inside and take
 * microseconds; the writes of one turn of the event loop share a commit.
 */
import { setImmediate } from "node:timers/promises";
import type { ListRequest, Page, Revision, Store, StoreError, StoreEvent, WriteRequest } from "../store.ts";
import { changedError, closedError, compactedError, conflictError, fencedError, futureError } from "../store-errors.ts";
import { createCommitGroup } from "./commit-group.ts";
import { openDatabase } from "./database.ts";
import { startExpiry } from "./expiry.ts";
import { sqliteStoreError } from "./sqlite-error.ts";
import { prepareStatements } from "./statements.ts";
import { createWatchHub } from "./watch-hub.ts";

/** Revisions compacted in one turn of the event loop. */
const COMPACTION_STEP = 500;

interface Outcome {
  resolve(revision: Revision): void;
  reject(error: StoreError): void;
}

/** For writes that nobody waits for. */
const UNHEARD: Outcome = { resolve: () => undefined, reject: () => undefined };

export interface SqliteStoreOptions {
  /** The file, or ":memory:". */
  readonly path: string;
  /** The file does not grow beyond: writes reject with `unavailable` then. Default: as long as the disk has room. */
  readonly maxBytes?: number;
}

/** Throws StoreError when the file cannot be opened or another process has it. */
export function createSqliteStore({ path, maxBytes }: SqliteStoreOptions): Store {
  const database = openDatabase(path, maxBytes);
  const statements = inContext("read", () => prepareStatements(database));
  /** Of the last write that is committed. */
  let revision = inContext("read", statements.newestRevision);
  /** Of the last write; those behind `revision` wait for their commit. */
  let newest = revision;
  /** What the waiting writes will tell. */
  let events: StoreEvent[] = [];
  let isClosed = false;
  const group = createCommitGroup({
    begin: statements.begin,
    commit: statements.commit,
    rollback() {
      newest = revision;
      events = [];
      statements.rollback();
    },
    onCommitted() {
      const committed = events;
      revision = newest;
      events = [];
      hub.publish(committed);
    },
  });
  const { compactedRevision } = statements;
  const hub = createWatchHub({ compactedRevision, events: afterCommit(statements.events) }, () => revision);
  const expiry = startExpiry({
    nextExpiry: afterCommit(statements.nextExpiry),
    expire: afterCommit((now, limit) => {
      const keys = statements.expired(now, limit);
      for (const { key, revision: expected } of keys) enqueue({ key, value: undefined, expected }, UNHEARD);
      const failure = group.flush();
      if (failure !== undefined) throw failure;
      return keys.length;
    }),
  });

  /** Nobody may see what a commit that fails takes back. */
  function afterCommit<A extends unknown[], R>(run: (...args: A) => R): (...args: A) => R {
    return (...args) => {
      group.flush();
      return run(...args);
    };
  }

  function inContext<T>(action: string, run: () => T): T {
    try {
      return run();
    } catch (error) {
      throw sqliteStoreError(action, path, error);
    }
  }

  function requireOpen(signal: AbortSignal): void {
    signal.throwIfAborted();
    if (isClosed) throw closedError(JSON.stringify(path));
  }

  /** The write is part of the group that is committed next. */
  function enqueue(request: WriteRequest, outcome: Outcome): void {
    const { key, value, expected, ttlSeconds, fence, unchanged } = request;
    if (fence !== undefined && statements.revisionOf(fence.key) !== fence.revision)
      throw refusal(fencedError(fence.key));
    const current = statements.get(key);
    const previous = current?.revision ?? 0;
    if (previous !== expected) throw refusal(conflictError(key, expected, current));
    if (unchanged !== undefined && statements.isWrittenAfter(unchanged.prefix, unchanged.since))
      throw refusal(changedError(unchanged));
    const past = { previous: current?.value, previousRevision: previous };
    const next = newest + 1;
    const expires = ttlSeconds === undefined || value === undefined ? undefined : Date.now() + ttlSeconds * 1000;
    function insert(): void {
      if (value === undefined && current === undefined) return;
      statements.insert({ revision: next, key, value, previous, expires });
      newest = next;
      events.push(
        value === undefined
          ? { type: "delete", key, revision: next, ...past }
          : { type: "put", key, value, revision: next, isNew: current === undefined, ...past },
      );
    }
    group.add(insert, {
      onCommitted() {
        if (expires !== undefined) expiry.schedule(expires);
        outcome.resolve(Math.min(next, revision));
      },
      onFailed: (error) => outcome.reject(sqliteStoreError("write to", path, error)),
    });
  }

  /** What the write collides with may be waiting for its commit: only when that stands, so does the refusal. */
  function refusal(error: StoreError): unknown {
    return group.flush() ?? error;
  }

  function read({ prefix, after, limit, revision: at = revision }: ListRequest): Page {
    if (at > revision) throw futureError(at);
    const compactedRevision = statements.compactedRevision();
    if (at < compactedRevision) throw compactedError(at, compactedRevision);
    const isNow = at === revision;
    const range = { prefix, after };
    const rows = limit ?? -1;
    const entries = isNow ? statements.list(range, rows) : statements.listAt(range, at, rows);
    const last = entries.at(-1);
    if (last === undefined || entries.length !== limit) return { entries, revision: at, remaining: 0 };
    const rest = { prefix, after: last.key };
    return { entries, revision: at, remaining: isNow ? statements.count(rest) : statements.countAt(rest, at) };
  }

  return {
    isSoleWriter: true,
    async get(key, signal) {
      requireOpen(signal);
      return inContext("read", () => afterCommit(statements.get)(key));
    },
    async list(request, signal) {
      requireOpen(signal);
      return inContext("read", () => afterCommit(read)(request));
    },
    async write(request, signal) {
      requireOpen(signal);
      const { promise, resolve, reject } = Promise.withResolvers<Revision>();
      inContext("write to", () => enqueue(request, { resolve, reject }));
      return await promise;
    },
    watch(prefix, after, listener) {
      if (isClosed) throw closedError(JSON.stringify(path));
      return hub.watch(prefix, after, listener);
    },
    async currentRevision(signal) {
      requireOpen(signal);
      return revision;
    },
    async compact(wanted, signal) {
      requireOpen(signal);
      group.flush();
      if (wanted > revision) throw futureError(wanted);
      for (;;) {
        const from = inContext("compact", statements.compactedRevision);
        if (from >= wanted) return;
        inContext("compact", () => afterCommit(statements.compact)(from, Math.min(from + COMPACTION_STEP, wanted)));
        await setImmediate();
        requireOpen(signal);
      }
    },
    async [Symbol.asyncDispose]() {
      if (isClosed) return;
      isClosed = true;
      group.flush();
      expiry[Symbol.dispose]();
      hub.end(closedError(JSON.stringify(path)));
      inContext("close", () => database.close());
    },
  };
}
