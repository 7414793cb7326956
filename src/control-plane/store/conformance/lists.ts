/** Store conformance: ranges, order, paging, old revisions, compaction. */
import assert from "node:assert/strict";
import { compareKeys } from "../key-range.ts";
import { isStoreError, type ListRequest, type Revision, type Store, type StoredEntry } from "../store.ts";
import { keysOf, never, put, remove, type StoreFixture, storeTest } from "./store-fixture.ts";
import { rejection } from "./writes.ts";

const PODS = "/registry/core/pods/";

export function testLists(fixture: StoreFixture): void {
  storeTest(fixture, "list gives exactly the keys with the prefix, in the order of their bytes", async (store) => {
    const names = ["a/x", "a-b/x", "a/-", "b/é", "b/日", "b/\u{ffff}", "b/🎉", "b/z", "a/x/y"];
    const inside = names.map((name) => `${PODS}${name}`);
    const outside = [
      "/registry/core/pods",
      "/registry/core/pods0",
      "/registry/core/podtemplates/a",
      "/registry/core/p",
    ];
    for (const key of [...inside, ...outside]) await put(store, key, "1", 0);
    const bytewise = inside.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    assert.deepEqual(await keysOf(store, PODS), bytewise);
    assert.deepEqual(inside.toSorted(compareKeys), bytewise);
    assert.deepEqual(await keysOf(store, `${PODS}b/🎉`), [`${PODS}b/🎉`]);
    assert.equal((await keysOf(store, "/registry/")).length, names.length + outside.length);
  });

  storeTest(fixture, "list pages by after and limit and counts the rest", async (store) => {
    const keys = Array.from({ length: 10 }, (_, index) => `${PODS}default/pod-${index}`);
    for (const key of keys) await put(store, key, "1", 0);
    const cases: readonly [Partial<ListRequest>, number, number, number][] = [
      [{}, 0, 10, 0],
      [{ limit: 3 }, 0, 3, 7],
      [{ limit: 3, after: `${PODS}default/pod-2` }, 3, 6, 4],
      [{ limit: 3, after: `${PODS}default/pod-21` }, 3, 6, 4],
      [{ limit: 10 }, 0, 10, 0],
      [{ limit: 5, after: `${PODS}default/pod-9` }, 10, 10, 0],
      [{ after: `${PODS}default/pod-6` }, 7, 10, 0],
      [{ limit: 2, after: "/registry/a" }, 0, 2, 8],
    ];
    for (const [request, from, to, remaining] of cases) {
      const page = await store.list({ prefix: PODS, ...request }, never);
      assert.deepEqual(
        page.entries.map(({ key }) => key),
        keys.slice(from, to),
        JSON.stringify(request),
      );
      assert.equal(page.remaining, remaining, JSON.stringify(request));
    }
  });

  storeTest(fixture, "list pages at one revision while others write", async (store) => {
    const keys = Array.from({ length: 40 }, (_, index) => `${PODS}default/pod-${String(index).padStart(2, "0")}`);
    const revisions = new Map<string, Revision>();
    for (const key of keys) revisions.set(key, await put(store, key, '"old"', 0));
    const first = await store.list({ prefix: PODS, limit: 7 }, never);
    const entries: StoredEntry[] = [...first.entries];
    for (let page = first; page.remaining > 0; ) {
      for (const key of keys.filter((_, index) => index % 3 === page.remaining % 3)) {
        const current = await store.get(key, never);
        if (page.remaining % 2 === 0) await put(store, key, '"new"', current?.revision ?? 0);
        else await remove(store, key, current?.revision ?? 0);
      }
      await put(store, `${PODS}default/pod-${page.remaining}-new`, "1", 0);
      const { revision } = first;
      page = await store.list({ prefix: PODS, limit: 7, after: entries.at(-1)?.key ?? "", revision }, never);
      assert.equal(page.revision, revision);
      entries.push(...page.entries);
      assert.equal(page.remaining, keys.length - entries.length);
    }
    assert.deepEqual(
      plain(entries),
      keys.map((key) => ({ key, value: '"old"', revision: revisions.get(key) })),
    );
  });

  storeTest(fixture, "list gives the state at each revision, until it is compacted", async (store) => {
    const { states, oldest } = await writeHistory(store, 80);
    await checkStates(store, states, oldest);
    const newest = oldest + states.length - 1;
    for (const compacted of [oldest + 20, oldest + 21, oldest + 22, oldest + 55, newest]) {
      await store.compact(compacted, never);
      await checkStates(store, states, oldest, compacted);
    }
    // What is compacted already is no error.
    await store.compact(oldest + 1, never);
    assert.equal(await store.currentRevision(never), newest);
  });

  storeTest(fixture, "list and compact at a revision that is not written reject with future", async (store) => {
    const revision = (await store.currentRevision(never)) + 1;
    const calls = [store.list({ prefix: PODS, revision }, never), store.compact(revision, never)];
    for (const error of await Promise.all(calls.map(rejection))) {
      assert.ok(isStoreError(error, "future"), String(error));
    }
  });

  storeTest(fixture, "compact of a deletion keeps the revision and what is there", async (store) => {
    const created = await put(store, `${PODS}a/a`, "1", 0);
    const kept = await put(store, `${PODS}a/b`, "1", 0);
    const deleted = await remove(store, `${PODS}a/a`, created);
    await store.compact(deleted, never);
    assert.equal(await store.currentRevision(never), deleted);
    const page = await store.list({ prefix: PODS, revision: deleted }, never);
    assert.deepEqual(plain(page.entries), [{ key: `${PODS}a/b`, value: "1", revision: kept }]);
    assert.equal(await put(store, `${PODS}a/a`, "2", 0), deleted + 1);
  });
}

type State = ReadonlyMap<string, StoredEntry>;

/** Writes to few keys in a fixed, mixed order; gives what there was after each revision from `oldest` on. */
async function writeHistory(store: Store, writes: number): Promise<{ states: readonly State[]; oldest: Revision }> {
  const oldest = await store.currentRevision(never);
  const states: State[] = [new Map()];
  let state = new Map<string, StoredEntry>();
  for (let index = 0; index < writes; index++) {
    const key = `${PODS}default/pod-${(index * 7 + (index >> 3)) % 11}`;
    const current = state.get(key);
    const value = index % 3 === 2 && current !== undefined ? undefined : String(index);
    const revision = await store.write({ key, value, expected: current?.revision ?? 0 }, never);
    state = new Map(state);
    if (value === undefined) state.delete(key);
    else state.set(key, { key, value, revision });
    states.push(state);
  }
  return { states, oldest };
}

async function checkStates(store: Store, states: readonly State[], oldest: Revision, compacted = 0): Promise<void> {
  for (const [index, state] of states.entries()) {
    const revision = oldest + index;
    const listed = store.list({ prefix: PODS, revision }, never);
    if (revision < compacted) {
      const error = await rejection(listed);
      assert.ok(isStoreError(error, "compacted"), `${revision} of ${compacted}: ${error}`);
      continue;
    }
    const expected = [...state.values()].toSorted((a, b) => compareKeys(a.key, b.key));
    assert.deepEqual(plain((await listed).entries), expected, `at ${revision}, compacted ${compacted}`);
    const page = await store.list({ prefix: PODS, revision, limit: 2 }, never);
    assert.deepEqual([page.entries.length, page.remaining], [Math.min(2, state.size), Math.max(0, state.size - 2)]);
  }
}

/** SQLite's rows have no prototype. */
function plain(entries: readonly StoredEntry[]): readonly StoredEntry[] {
  return entries.map((entry) => ({ ...entry }));
}
