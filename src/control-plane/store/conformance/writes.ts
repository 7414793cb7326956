/** Store conformance: single keys, compare-and-swap, fences, ttl, sizes, the end. */
import assert from "node:assert/strict";
import { isStoreError, type Store } from "../store.ts";
import { keysOf, never, put, remove, type StoreFixture, storeTest } from "./store-fixture.ts";
import { recordWatch } from "./watch-recorder.ts";

const KEY = "/registry/core/configmaps/default/one";

export function testWrites(fixture: StoreFixture): void {
  storeTest(fixture, "an empty store has a revision and no keys", async (store) => {
    assert.ok((await store.currentRevision(never)) >= 1);
    assert.deepEqual(await keysOf(store, "/registry/"), []);
    assert.equal(await store.get(KEY, never), undefined);
  });

  storeTest(fixture, "write creates, updates and deletes; each has the next revision", async (store) => {
    const start = await store.currentRevision(never);
    const created = await put(store, KEY, '{"a":1}', 0);
    assert.equal(created, start + 1);
    assert.deepEqual({ ...(await store.get(KEY, never)) }, { key: KEY, value: '{"a":1}', revision: created });
    const updated = await put(store, KEY, '{"a":2}', created);
    assert.equal(updated, start + 2);
    assert.equal((await store.get(KEY, never))?.value, '{"a":2}');
    const deleted = await remove(store, KEY, updated);
    assert.equal(deleted, start + 3);
    assert.equal(await store.get(KEY, never), undefined);
    assert.equal(await store.currentRevision(never), deleted);
    assert.equal(await put(store, KEY, "{}", 0), start + 4);
  });

  storeTest(
    fixture,
    "write with another revision than the key's rejects with conflict and what is there",
    async (store) => {
      const first = await put(store, KEY, '"first"', 0);
      const second = await put(store, KEY, '"second"', first);
      const there = { key: KEY, value: '"second"', revision: second };
      for (const [value, expected] of [
        ["x", 0],
        ["x", first],
        [undefined, first],
        [undefined, 0],
      ] as const) {
        const error = await rejection(store.write({ key: KEY, value, expected }, never));
        assert.ok(isStoreError(error, "conflict"), String(error));
        assert.deepEqual({ ...error.current }, there);
      }
      const error = await rejection(put(store, "/registry/core/configmaps/default/none", "x", second));
      assert.ok(isStoreError(error, "conflict"));
      assert.equal(error.current, undefined);
      assert.equal(await store.currentRevision(never), second, "a rejected write has no revision");
    },
  );

  storeTest(fixture, "write that deletes what is not there changes nothing", async (store) => {
    const start = await store.currentRevision(never);
    assert.equal(await remove(store, KEY, 0), start);
    assert.equal(await store.currentRevision(never), start);
  });

  storeTest(fixture, "write counts only while the fence has its revision", async (store) => {
    const lock = "/registry/coordination.k8s.io/leases/kube-system/controller";
    const held = await put(store, lock, '"a"', 0);
    const fenced = { key: lock, revision: held };
    const first = await store.write({ key: KEY, value: "1", expected: 0, fence: fenced }, never);
    const taken = await put(store, lock, '"b"', held);
    for (const expected of [first, 0]) {
      const late = store.write({ key: KEY, value: "2", expected, fence: fenced }, never);
      assert.ok(isStoreError(await rejection(late), "fenced"));
    }
    await remove(store, lock, taken);
    const gone = store.write({ key: KEY, value: undefined, expected: first, fence: fenced }, never);
    assert.ok(isStoreError(await rejection(gone), "fenced"));
    assert.equal((await store.get(KEY, never))?.value, "1");
  });

  storeTest(fixture, "write counts only while the keys that it names are unchanged", async (store) => {
    const services = "/registry/core/services/";
    const since = await put(store, `${services}default/a`, "1", 0);
    await put(store, "/registry/core/servicesets/default/a", "1", 0);
    const unchanged = { prefix: services, since };
    const write = (expected: number, value: string | undefined = "x") =>
      store.write({ key: `${services}default/b`, value, expected, unchanged }, never);
    const first = await write(0);
    for (const value of ["y", undefined]) {
      assert.ok(isStoreError(await rejection(write(first, value)), "changed"), "its own earlier write counts");
    }
    assert.ok(isStoreError(await rejection(write(0)), "conflict"), "the key's own revision comes first");
    await remove(store, `${services}default/b`, first);
    const again = await write(0);
    const inTime = { prefix: services, since: again };
    await store.write({ key: KEY, value: "1", expected: 0, unchanged: inTime }, never);
    await put(store, `${services}default/a`, "2", since);
    const late = store.write({ key: `${KEY}-late`, value: "1", expected: 0, unchanged: inTime }, never);
    assert.ok(isStoreError(await rejection(late), "changed"));
    assert.deepEqual(await keysOf(store, "/registry/core/configmaps/"), [KEY]);
  });

  storeTest(fixture, "write by 64 writers at once loses no update", async (store) => {
    await put(store, KEY, "0", 0);
    const rounds = 3;
    const revisions = await Promise.all(
      Array.from({ length: 64 }, async () => {
        const acknowledged = [];
        for (let round = 0; round < rounds; round++) acknowledged.push(await increment(store));
        return acknowledged;
      }),
    );
    assert.equal((await store.get(KEY, never))?.value, String(64 * rounds));
    assert.equal(new Set(revisions.flat()).size, 64 * rounds, "two writes with one revision");
    for (const own of revisions)
      assert.deepEqual(
        own,
        own.toSorted((a, b) => a - b),
      );
  });

  storeTest(fixture, "write keeps large values and any text", async (store) => {
    const values = ["", '"\\u0000"', '"日本語 🎉 \u2028"', `"${"x".repeat(1_499_998)}"`];
    let revision = 0;
    for (const value of values) {
      revision = await put(store, KEY, value, revision);
      assert.equal((await store.get(KEY, never))?.value === value, true, value.slice(0, 20));
    }
  });

  storeTest(fixture, "a key with a ttl is deleted by itself, one that was written again is not", async (store) => {
    using watch = recordWatch(store, "/registry/core/", await store.currentRevision(never));
    const kept = `${KEY}-kept`;
    const short = await store.write({ key: kept, value: "1", expected: 0, ttlSeconds: 1 }, never);
    const written = await put(store, kept, "2", short);
    await store.write({ key: KEY, value: '"short"', expected: 0, ttlSeconds: 1 }, never);
    await store.write({ key: `${KEY}-long`, value: "1", expected: 0, ttlSeconds: 1000 }, never);
    const deletion = await watch.found(({ type }) => type === "delete");
    assert.deepEqual([deletion.key, deletion.previous], [KEY, '"short"']);
    assert.ok(deletion.revision > written);
    assert.equal(await store.get(KEY, never), undefined);
    assert.deepEqual(await keysOf(store, "/registry/core/"), [kept, `${KEY}-long`]);
  });

  storeTest(fixture, "calls with an aborted signal reject with its reason", async (store) => {
    const reason = new Error("nobody waits");
    const aborted = AbortSignal.abort(reason);
    for (const error of await Promise.all(callsOf(store, aborted).map(rejection))) assert.equal(error, reason);
    assert.equal(await store.get(KEY, never), undefined);
  });

  storeTest(fixture, "a disposed store rejects every call and ends its watches with closed", async (store) => {
    const revision = await put(store, KEY, "1", 0);
    const watches = [0, revision].map((after) => recordWatch(store, "/registry/", after));
    await store[Symbol.asyncDispose]();
    for (const watch of watches) assert.equal((await watch.ended()).code, "closed");
    for (const error of await Promise.all(callsOf(store, never).map(rejection))) {
      assert.ok(isStoreError(error, "closed"), String(error));
    }
    assert.throws(() => store.watch("/registry/", 0, { onEvents() {}, onEnd() {} }), { code: "closed" });
    await store[Symbol.asyncDispose]();
  });
}

function callsOf(store: Store, signal: AbortSignal): readonly Promise<unknown>[] {
  return [
    store.get(KEY, signal),
    store.list({ prefix: "/registry/" }, signal),
    store.write({ key: KEY, value: "x", expected: 0 }, signal),
    store.currentRevision(signal),
    store.compact(1, signal),
  ];
}

async function increment(store: Store): Promise<number> {
  for (let entry = await store.get(KEY, never); ; ) {
    assert.ok(entry !== undefined);
    const next = { key: KEY, value: String(Number(entry.value) + 1), expected: entry.revision };
    try {
      return await store.write(next, never);
    } catch (error) {
      if (!isStoreError(error, "conflict")) throw error;
      entry = error.current;
    }
  }
}

export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  const nothing = new Error("it did not reject");
  const error = await promise.then(
    () => nothing,
    (reason: unknown) => reason,
  );
  if (error === nothing) throw nothing;
  return error;
}
