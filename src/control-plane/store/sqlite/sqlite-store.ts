/**
 * The store in one file, or in memory, of this process alone. Reads and writes are synchronous inside and take
 * microseconds, so writes are not grouped: one commit for each measured 17 us, 64 in one commit 9 us each.
 */
import { setImmediate } from "node:timers/promises";
import type { ListRequest, Page, Revision, Store, WriteRequest } from "../store.ts";
import { closedError, compactedError, conflictError, fencedError, futureError } from "../store-errors.ts";
import { openDatabase } from "./database.ts";
import { startExpiry } from "./expiry.ts";
import { sqliteStoreError } from "./sqlite-error.ts";
import { prepareStatements } from "./statements.ts";
import { createWatchHub } from "./watch-hub.ts";

/** Revisions compacted in one turn of the event loop. */
const COMPACTION_STEP = 500;

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
  let revision = inContext("read", statements.newestRevision);
  let isClosed = false;
  const hub = createWatchHub(statements, () => revision);
  const expiry = startExpiry({
    nextExpiry: statements.nextExpiry,
    expire(now, limit) {
      const keys = statements.expired(now, limit);
      for (const entry of keys) commit({ key: entry.key, value: undefined, expected: entry.revision });
      return keys.length;
    },
  });

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

  function commit({ key, value, expected, ttlSeconds, fence }: WriteRequest): Revision {
    if (fence !== undefined && statements.revisionOf(fence.key) !== fence.revision) throw fencedError(fence.key);
    const current = statements.get(key);
    const previous = current?.revision ?? 0;
    if (previous !== expected) throw conflictError(key, expected, current);
    if (value === undefined && current === undefined) return revision;
    const next = revision + 1;
    const expires = ttlSeconds === undefined || value === undefined ? undefined : Date.now() + ttlSeconds * 1000;
    statements.insert({ revision: next, key, value, previous, expires });
    revision = next;
    if (expires !== undefined) expiry.schedule(expires);
    const past = { previous: current?.value, previousRevision: previous };
    hub.publish(
      value === undefined
        ? { type: "delete", key, revision: next, ...past }
        : { type: "put", key, value, revision: next, isNew: current === undefined, ...past },
    );
    return next;
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
      return inContext("read", () => statements.get(key));
    },
    async list(request, signal) {
      requireOpen(signal);
      return inContext("read", () => read(request));
    },
    async write(request, signal) {
      requireOpen(signal);
      return inContext("write to", () => commit(request));
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
      if (wanted > revision) throw futureError(wanted);
      for (;;) {
        const from = inContext("compact", statements.compactedRevision);
        if (from >= wanted) return;
        inContext("compact", () => statements.compact(from, Math.min(from + COMPACTION_STEP, wanted)));
        await setImmediate();
        requireOpen(signal);
      }
    },
    async [Symbol.asyncDispose]() {
      if (isClosed) return;
      isClosed = true;
      expiry[Symbol.dispose]();
      hub.end(closedError(JSON.stringify(path)));
      inContext("close", () => database.close());
    },
  };
}
