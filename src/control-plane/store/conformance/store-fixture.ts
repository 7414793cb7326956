/** What the conformance suite needs of a store, and small things that its tests share. */
import { test } from "node:test";
import type { Revision, Store } from "../store.ts";
import { PATIENCE_MS } from "./watch-recorder.ts";

export interface StoreFixture {
  /** In the titles of the tests. */
  readonly name: string;
  /** Why the tests cannot run here; undefined: they can. */
  readonly skip?: string | undefined;
  /** An empty store. Its first revision may be greater than 1. */
  open(): Promise<Store>;
}

export const never = new AbortController().signal;

/** Registers a test with a store of its own. */
export function storeTest(fixture: StoreFixture, title: string, run: (store: Store) => Promise<void>): void {
  test(`${fixture.name}: ${title}`, { skip: fixture.skip ?? false, timeout: 2 * PATIENCE_MS }, async () => {
    await using store = await fixture.open();
    await run(store);
  });
}

export function put(store: Store, key: string, value: string, expected: Revision): Promise<Revision> {
  return store.write({ key, value, expected }, never);
}

export function remove(store: Store, key: string, expected: Revision): Promise<Revision> {
  return store.write({ key, value: undefined, expected }, never);
}

export async function keysOf(store: Store, prefix: string): Promise<readonly string[]> {
  return (await store.list({ prefix }, never)).entries.map(({ key }) => key);
}
