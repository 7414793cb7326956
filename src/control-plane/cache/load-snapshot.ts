/** Reads all objects of a kind as they are at one revision, page by page, so that the event loop goes on meanwhile. */
import { setImmediate } from "node:timers/promises";
import { isStoreError, type Page, type Revision, type Store, type StoredEntry } from "../store/store.ts";
import { createSnapshot, type Snapshot } from "./snapshot.ts";
import { decodeStored } from "./stored-text.ts";

const PAGE = 1_000;
/** When a compaction overtakes the reading, it begins anew. */
const ATTEMPTS = 3;

export interface LoadedSnapshot {
  readonly snapshot: Snapshot;
  readonly revision: Revision;
}

export async function loadSnapshot(store: Store, prefix: string, signal: AbortSignal): Promise<LoadedSnapshot> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await readPages(store, prefix, signal);
    } catch (error) {
      if (attempt === ATTEMPTS || !isStoreError(error, "compacted")) throw error;
    }
  }
}

async function readPages(store: Store, prefix: string, signal: AbortSignal): Promise<LoadedSnapshot> {
  const snapshot = createSnapshot();
  const take = (entries: readonly StoredEntry[]): string => {
    for (const { key, value, revision } of entries) {
      snapshot.set(key.slice(prefix.length), decodeStored(value, revision, key));
    }
    return entries.at(-1)?.key ?? prefix;
  };
  let page: Page = await store.list({ prefix, limit: PAGE }, signal);
  const { revision } = page;
  for (let after = take(page.entries); page.remaining > 0; after = take(page.entries)) {
    await setImmediate();
    page = await store.list({ prefix, limit: PAGE, after, revision }, signal);
  }
  return { snapshot, revision };
}
