/**
 * The file: a log with one row for each revision, and a view of what is there now, which triggers keep equal to the
 * log. Write-ahead log with synchronous=NORMAL: what is committed outlives SIGKILL of this process; a power cut may
 * take the last commits, never the file. The lock is exclusive for as long as the file is open, and goes with the
 * process. Source: sqlite.org, "Write-Ahead Logging", "PRAGMA locking_mode".
 */
import { chmodSync, closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { StoreError } from "../store.ts";
import { sqliteStoreError } from "./sqlite-error.ts";

export const IN_MEMORY = ":memory:";

/** "Podw": tells our files from other SQLite files. */
const APPLICATION_ID = 0x506f_6477;
const SCHEMA_VERSION = 1;

/**
 * value: NULL is a deletion. previous: the revision of the value that this one replaced, 0 when there was none; what
 * was at an old revision is found through it, and so is what can be forgotten. expires: milliseconds since 1970.
 */
const SCHEMA = `
CREATE TABLE log (
  revision INTEGER PRIMARY KEY,
  key TEXT NOT NULL,
  value TEXT,
  previous INTEGER NOT NULL,
  expires INTEGER
);
CREATE TABLE live (
  key TEXT PRIMARY KEY,
  revision INTEGER NOT NULL,
  expires INTEGER
) WITHOUT ROWID;
CREATE INDEX live_expires ON live (expires) WHERE expires IS NOT NULL;
CREATE TABLE compacted (revision INTEGER NOT NULL);
INSERT INTO compacted VALUES (0);
CREATE TRIGGER log_put AFTER INSERT ON log WHEN NEW.value IS NOT NULL BEGIN
  INSERT INTO live (key, revision, expires) VALUES (NEW.key, NEW.revision, NEW.expires)
    ON CONFLICT (key) DO UPDATE SET revision = excluded.revision, expires = excluded.expires;
END;
CREATE TRIGGER log_delete AFTER INSERT ON log WHEN NEW.value IS NULL BEGIN
  DELETE FROM live WHERE key = NEW.key;
END;
`;

/** Makes the file, with mode 0600, and its folder when they are not there. Throws StoreError. */
export function openDatabase(path: string, maxBytes?: number): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    if (path !== IN_MEMORY) ensurePrivateFile(path);
    database = new DatabaseSync(path, { timeout: 0 });
    // The lock is taken with the first access, which is the change of the journal mode.
    database.exec("PRAGMA locking_mode = EXCLUSIVE");
    database.exec("PRAGMA journal_mode = WAL");
    database.exec("PRAGMA synchronous = NORMAL; PRAGMA cache_size = -8000; PRAGMA journal_size_limit = 67108864");
    ensureSchema(database, path);
    if (maxBytes !== undefined) limitSize(database, maxBytes);
    return database;
  } catch (error) {
    database?.close();
    throw sqliteStoreError("open the store", path, error);
  }
}

function ensurePrivateFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  closeSync(openSync(path, "a", 0o600));
  // SQLite gives its side files the mode of this one.
  chmodSync(path, 0o600);
}

function ensureSchema(database: DatabaseSync, path: string): void {
  const applicationId = pragma(database, "application_id");
  const version = pragma(database, "user_version");
  if (applicationId === APPLICATION_ID && version === SCHEMA_VERSION) return;
  const tables = database.prepare("SELECT count(*) AS count FROM sqlite_master").get();
  if (applicationId !== 0 || version !== 0 || tables?.["count"] !== 0) {
    const what = applicationId === APPLICATION_ID ? `a store of version ${version}` : "a database of another program";
    const message = `Cannot open the store "${path}": it is ${what}; choose another data directory`;
    throw new StoreError({ code: "unavailable", message });
  }
  database.exec(
    `BEGIN;${SCHEMA}PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION};COMMIT`,
  );
}

function limitSize(database: DatabaseSync, maxBytes: number): void {
  const pages = Math.floor(maxBytes / Number(pragma(database, "page_size")));
  database.exec(`PRAGMA max_page_count = ${pages}`);
}

function pragma(database: DatabaseSync, name: string): unknown {
  return database.prepare(`PRAGMA ${name}`).get()?.[name];
}
