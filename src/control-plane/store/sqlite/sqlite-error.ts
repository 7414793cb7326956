/**
 * SQLite's errors as StoreErrors that say what to do. Source: sqlite.org, "Result and Error Codes"; the low byte of
 * an extended code is the primary one.
 */
import { StoreError } from "../store.ts";

const advice: ReadonlyMap<number, string> = new Map([
  [5, "another process uses it: stop that one, or choose another data directory"],
  [6, "another process uses it: stop that one, or choose another data directory"],
  [8, "the file or its file system is read-only: make it writable"],
  [10, "the disk reports an error: check it, then start again"],
  [11, "the file is damaged: restore a backup, or remove it to start with an empty cluster"],
  [13, "the disk is full: free some space, writes go on by themselves then"],
  [14, "the file cannot be opened: check that its folder exists and may be written to"],
  [23, "access to the file was denied: check its owner and mode"],
  [26, "the file is no SQLite database: restore a backup, or choose another data directory"],
]);

export function sqliteStoreError(action: string, path: string, cause: unknown): StoreError {
  if (cause instanceof StoreError) return cause;
  const code = primaryCode(cause);
  const said = cause instanceof Error ? cause.message : String(cause);
  const known = code === undefined ? undefined : advice.get(code);
  const text = known === undefined ? said : `${known} (${said})`;
  return new StoreError({ code: "unavailable", message: `Cannot ${action} "${path}": ${text}`, cause });
}

function primaryCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error) || typeof error.errcode !== "number") return undefined;
  return error.errcode & 0xff;
}
