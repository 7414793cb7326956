import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { testStore } from "../conformance/store-conformance.ts";
import { keysOf, never, put, remove } from "../conformance/store-fixture.ts";
import { recordWatch } from "../conformance/watch-recorder.ts";
import { createSqliteStore } from "./sqlite-store.ts";

testStore({ name: "SQLite in memory", open: async () => createSqliteStore({ path: ":memory:" }) });

testStore({
  name: "SQLite in a file",
  async open() {
    const folder = await mkdtemp(join(tmpdir(), "podwire-sqlite-"));
    const store = createSqliteStore({ path: join(folder, "data", "store.db") });
    return {
      ...store,
      async [Symbol.asyncDispose]() {
        await store[Symbol.asyncDispose]();
        await rm(folder, { recursive: true, force: true });
      },
    };
  },
});

async function withFolder(run: (path: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "podwire-sqlite-"));
  try {
    await run(join(folder, "store.db"));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const PODS = "/registry/core/pods/";

test("createSqliteStore opens its file again where it was, with watches and compactions", () =>
  withFolder(async (path) => {
    let deleted = 0;
    {
      await using store = createSqliteStore({ path });
      const first = await put(store, `${PODS}a/one`, "1", 0);
      await put(store, `${PODS}a/two`, "2", 0);
      deleted = await remove(store, `${PODS}a/one`, first);
    }
    {
      await using store = createSqliteStore({ path });
      assert.equal(await store.currentRevision(never), deleted);
      using watch = recordWatch(store, PODS, 1);
      await watch.reached(deleted);
      assert.equal(watch.events.length, 3);
      await store.compact(deleted, never);
    }
    await using store = createSqliteStore({ path });
    assert.equal(await store.currentRevision(never), deleted, "the newest row is compacted, its revision is not");
    assert.deepEqual(await keysOf(store, PODS), [`${PODS}a/two`]);
    using watch = recordWatch(store, PODS, 1);
    assert.deepEqual([(await watch.ended()).code, (await watch.ended()).compactedRevision], ["compacted", deleted]);
  }));

test("compact leaves nothing in the file but what is there", () =>
  withFolder(async (path) => {
    {
      await using store = createSqliteStore({ path });
      for (let index = 0; index < 2000; index++) {
        const key = `${PODS}a/${index % 7}`;
        const current = await store.get(key, never);
        const value = current === undefined || index > 1990 ? "1" : undefined;
        await store.write({ key, value, expected: current?.revision ?? 0 }, never);
      }
      await store.compact(await store.currentRevision(never), never);
    }
    const database = new DatabaseSync(path);
    const rows = database.prepare("SELECT log.key FROM log JOIN live USING (revision) ORDER BY log.key").all();
    assert.deepEqual(rows, database.prepare("SELECT key FROM log ORDER BY key").all());
    database.close();
  }));

test("createSqliteStore keeps its files to their owner", () =>
  withFolder(async (path) => {
    await writeFile(path, "");
    await chmod(path, 0o644);
    await using store = createSqliteStore({ path });
    await put(store, `${PODS}a/one`, "1", 0);
    for (const suffix of ["", "-wal"]) assert.equal((await stat(path + suffix)).mode & 0o777, 0o600, suffix);
  }));

test("createSqliteStore does not open a file that is open already", () =>
  withFolder(async (path) => {
    await using store = createSqliteStore({ path });
    await put(store, `${PODS}a/one`, "1", 0);
    assert.throws(() => createSqliteStore({ path }), {
      code: "unavailable",
      message: /^Cannot open the store ".*": another process uses it: stop that one, or choose another data directory/,
    });
    await put(store, `${PODS}a/two`, "1", 0);
  }));

test("createSqliteStore says what is wrong with a file that is none of its own", () =>
  withFolder(async (path) => {
    await writeFile(
      path,
      "this is a text, and it is long enough to be taken for a header of a database file. ".repeat(9),
    );
    assert.throws(() => createSqliteStore({ path }), {
      code: "unavailable",
      message: /the file is no SQLite database/,
    });
    await rm(path);
    const other = new DatabaseSync(path);
    other.exec("CREATE TABLE t (x)");
    other.close();
    assert.throws(() => createSqliteStore({ path }), { code: "unavailable", message: /a database of another program/ });
    const missing = join(path, "below-a-file", "store.db");
    assert.throws(() => createSqliteStore({ path: missing }), { code: "unavailable" });
  }));

test("createSqliteStore rejects reads of a damaged file with unavailable and advice", () =>
  withFolder(async (path) => {
    {
      await using store = createSqliteStore({ path });
      for (let index = 0; index < 200; index++) await put(store, `${PODS}a/${index}`, `"${"x".repeat(1000)}"`, 0);
    }
    await truncate(path, 65_536);
    const attempt = async (): Promise<void> => {
      await using store = createSqliteStore({ path });
      await store.list({ prefix: PODS }, never);
    };
    await assert.rejects(attempt(), { code: "unavailable", message: /the file is damaged: restore a backup/ });
  }));

test("write rejects with unavailable while there is no room, and nothing is stored; then it goes on", () =>
  withFolder(async (path) => {
    await using store = createSqliteStore({ path, maxBytes: 200_000 });
    using watch = recordWatch(store, PODS, 1);
    const value = `"${"x".repeat(10_000)}"`;
    let revision = 0;
    const writeUntilFull = async (): Promise<void> => {
      for (let index = 0; index < 100; index++) revision = await put(store, `${PODS}a/one`, value, revision);
    };
    await assert.rejects(writeUntilFull(), { code: "unavailable", message: /the disk is full: free some space/ });
    assert.equal(await store.currentRevision(never), revision);
    assert.equal((await store.get(`${PODS}a/one`, never))?.revision, revision);
    await store.compact(revision - 5, never);
    assert.equal(await put(store, `${PODS}a/one`, value, revision), revision + 1);
    await watch.reached(revision + 1);
    assert.equal(watch.events.length, revision);
  }));

test("write commits what comes at once together, and tells of it in its order before it is acknowledged", () =>
  withFolder(async (path) => {
    await using store = createSqliteStore({ path });
    using watch = recordWatch(store, PODS, 1);
    const revisions = await Promise.all(
      Array.from({ length: 50 }, async (_, index) => {
        const revision = await put(store, `${PODS}a/${index}`, String(index), 0);
        assert.ok(watch.events.some((event) => event.revision === revision));
        return revision;
      }),
    );
    assert.deepEqual(
      watch.events.map(({ revision }) => revision),
      revisions,
    );
  }));

test("write refuses what collides with a write of the same moment, and reads see what came before them", () =>
  withFolder(async (path) => {
    await using store = createSqliteStore({ path });
    const key = `${PODS}a/one`;
    const [first, second, read] = await Promise.allSettled([
      put(store, key, "1", 0),
      put(store, key, "2", 0),
      store.get(key, never),
    ]);
    assert.equal(first.status, "fulfilled");
    assert.equal(second.status === "rejected" && second.reason.code, "conflict");
    assert.equal(second.status === "rejected" && second.reason.current?.value, "1");
    assert.equal(read.status === "fulfilled" && read.value?.value, "1");
  }));

test("write rejects all writes of a moment when there is no room for them, and none of them has happened", () =>
  withFolder(async (path) => {
    await using store = createSqliteStore({ path, maxBytes: 200_000 });
    const before = await put(store, `${PODS}a/first`, "1", 0);
    using watch = recordWatch(store, PODS, before);
    const value = `"${"x".repeat(10_000)}"`;
    const outcomes = await Promise.allSettled(
      Array.from({ length: 40 }, (_, index) => put(store, `${PODS}a/${index}`, value, 0)),
    );
    const written = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
    assert.ok(written.length < 40);
    assert.equal((await keysOf(store, PODS)).length, 1 + written.length);
    assert.equal(await store.currentRevision(never), before + written.length);
    const next = await put(store, `${PODS}a/last`, "1", 0);
    await watch.reached(next);
    assert.deepEqual(
      watch.events.map(({ revision }) => revision),
      [...written, next],
    );
  }));
