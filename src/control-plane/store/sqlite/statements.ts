/** Everything the store asks its file, as prepared statements with typed results. */
import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { endOfPrefix } from "../key-range.ts";
import type { Revision, StoredEntry } from "../store.ts";

export interface LogRow {
  readonly revision: Revision;
  readonly key: string;
  readonly value: string | null;
  /** 0: the key was not there. */
  readonly previous: Revision;
  /** Of `previous`; null when it is forgotten. */
  readonly previousValue: string | null;
}

export interface NewRow {
  readonly revision: Revision;
  readonly key: string;
  readonly value: string | undefined;
  readonly previous: Revision;
  /** Milliseconds since 1970. */
  readonly expires: number | undefined;
}

export interface KeyRange {
  readonly prefix: string;
  readonly after: string | undefined;
}

export type Statements = ReturnType<typeof prepareStatements>;

const ENTRY = "SELECT live.key, live.revision, log.value FROM live JOIN log ON log.revision = live.revision";

/** Keys as they were at :at: those that have not changed since, and what the first change since then replaced. */
const AS_OF = `
  SELECT key, revision FROM live WHERE key >= :from AND key < :end AND key > :after AND revision <= :at
  UNION ALL
  SELECT key, previous AS revision FROM (
    SELECT key, previous, min(revision) FROM log
    WHERE revision > :at AND key >= :from AND key < :end AND key > :after GROUP BY key
  ) WHERE previous > 0`;

export function prepareStatements(database: DatabaseSync) {
  const begin = database.prepare("BEGIN");
  const commit = database.prepare("COMMIT");
  const get = database.prepare(`${ENTRY} WHERE live.key = ?`);
  const revisionOf = database.prepare("SELECT revision FROM live WHERE key = ?");
  const writtenAfter = database.prepare(
    "SELECT 1 FROM live WHERE key >= :from AND key < :end AND revision > :since LIMIT 1",
  );
  const insert = database.prepare("INSERT INTO log (revision, key, value, previous, expires) VALUES (?, ?, ?, ?, ?)");
  const list = database.prepare(
    `${ENTRY} WHERE live.key >= :from AND live.key < :end AND live.key > :after ORDER BY live.key LIMIT :limit`,
  );
  const count = database.prepare(
    "SELECT count(*) AS count FROM live WHERE key >= :from AND key < :end AND key > :after",
  );
  const listAt = database.prepare(
    `SELECT past.key, past.revision, log.value FROM (${AS_OF}) AS past JOIN log ON log.revision = past.revision
     ORDER BY past.key LIMIT :limit`,
  );
  const countAt = database.prepare(`SELECT count(*) AS count FROM (${AS_OF})`);
  const events = database.prepare(
    `SELECT log.revision, log.key, log.value, log.previous, before.value AS previousValue
     FROM log LEFT JOIN log AS before ON before.revision = log.previous
     WHERE log.revision > :position AND log.key >= :from AND log.key < :end ORDER BY log.revision LIMIT :limit`,
  );
  const newest = database.prepare(
    "SELECT max(1, (SELECT coalesce(max(revision), 0) FROM log), (SELECT revision FROM compacted)) AS revision",
  );
  const compacted = database.prepare("SELECT revision FROM compacted");
  const setCompacted = database.prepare("UPDATE compacted SET revision = ?");
  // What these rows replaced, and those of them that are deletions, cannot be asked for any more.
  const forgetReplaced = database.prepare(
    "DELETE FROM log WHERE revision IN (SELECT previous FROM log WHERE revision > ? AND revision <= ?)",
  );
  const forgetDeletions = database.prepare("DELETE FROM log WHERE revision > ? AND revision <= ? AND value IS NULL");
  const expired = database.prepare("SELECT key, revision FROM live WHERE expires <= ? ORDER BY expires LIMIT ?");
  const nextExpiry = database.prepare("SELECT min(expires) AS expires FROM live WHERE expires IS NOT NULL");

  // The columns are those of the statements above; nothing else describes their types.
  return {
    begin: () => void begin.run(),
    commit: () => void commit.run(),
    /** Some errors have rolled back by themselves. */
    rollback(): void {
      if (database.isTransaction) database.exec("ROLLBACK");
    },
    get: (key: string) => get.get(key) as StoredEntry | undefined,
    revisionOf: (key: string): Revision => (revisionOf.get(key) as { revision: Revision } | undefined)?.revision ?? 0,
    isWrittenAfter(prefix: string, since: Revision): boolean {
      const { from, end } = bounds({ prefix, after: undefined });
      return writtenAfter.get({ from, end, since }) !== undefined;
    },
    insert({ revision, key, value, previous, expires }: NewRow): void {
      insert.run(revision, key, value ?? null, previous, expires ?? null);
    },
    list: (range: KeyRange, limit: number) => list.all({ ...bounds(range), limit }) as unknown as StoredEntry[],
    count: (range: KeyRange) => countOf(count.get(bounds(range))),
    listAt: (range: KeyRange, at: Revision, limit: number) =>
      listAt.all({ ...bounds(range), at, limit }) as unknown as StoredEntry[],
    countAt: (range: KeyRange, at: Revision) => countOf(countAt.get({ ...bounds(range), at })),
    events(prefix: string, position: Revision, limit: number) {
      const { from, end } = bounds({ prefix, after: undefined });
      return events.all({ from, end, position, limit }) as unknown as LogRow[];
    },
    newestRevision: () => revisionIn(newest.get()),
    compactedRevision: () => revisionIn(compacted.get()),
    /** Of the revisions between, in one transaction. */
    compact(from: Revision, to: Revision): void {
      database.exec("BEGIN");
      try {
        forgetReplaced.run(from, to);
        forgetDeletions.run(from, to);
        setCompacted.run(to);
        database.exec("COMMIT");
      } catch (error) {
        if (database.isTransaction) database.exec("ROLLBACK");
        throw error;
      }
    },
    expired: (now: number, limit: number) =>
      expired.all(now, limit) as unknown as { readonly key: string; readonly revision: Revision }[],
    nextExpiry: () => (nextExpiry.get() as { expires: number | null } | undefined)?.expires ?? undefined,
  };
}

/** A BLOB sorts behind every TEXT: the end of a prefix without one. */
const BEHIND_ALL = new Uint8Array(0);

function bounds({ prefix, after }: KeyRange): Record<"from" | "end" | "after", SQLInputValue> {
  return { from: prefix, end: endOfPrefix(prefix) ?? BEHIND_ALL, after: after ?? "" };
}

function countOf(row: Record<string, unknown> | undefined): number {
  return Number(row?.["count"] ?? 0);
}

function revisionIn(row: Record<string, unknown> | undefined): Revision {
  return Number(row?.["revision"] ?? 0);
}
