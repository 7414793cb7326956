import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { createCommitGroup } from "./commit-group.ts";

function build() {
  const log: string[] = [];
  const faults = { commit: false, insert: false };
  const group = createCommitGroup({
    begin: () => void log.push("begin"),
    commit() {
      log.push("commit");
      if (faults.commit) throw new Error("no room");
    },
    rollback: () => void log.push("rollback"),
    onCommitted: () => void log.push("told"),
  });
  const add = (name: string): void =>
    group.add(
      () => {
        log.push(`insert ${name}`);
        if (faults.insert) throw new Error("no room");
      },
      {
        onCommitted: () => void log.push(`${name} committed`),
        onFailed: (error) => void log.push(`${name} failed: ${(error as Error).message}`),
      },
    );
  return { log, faults, group, add };
}

test("createCommitGroup commits the writes of a turn together, and those of the next by themselves", async () => {
  const { log, add } = build();
  add("a");
  add("b");
  assert.deepEqual(log, ["begin", "insert a", "insert b"]);
  await setImmediate();
  assert.deepEqual(log.splice(0).slice(3), ["commit", "told", "a committed", "b committed"]);
  add("c");
  await setImmediate();
  assert.deepEqual(log, ["begin", "insert c", "commit", "told", "c committed"]);
});

test("createCommitGroup flushes at once, and only what waits", async () => {
  const { log, group, add } = build();
  assert.equal(group.flush(), undefined);
  add("a");
  assert.equal(group.flush(), undefined);
  await setImmediate();
  assert.deepEqual(log, ["begin", "insert a", "commit", "told", "a committed"]);
});

test("createCommitGroup fails all writes of a commit that fails, and begins anew", () => {
  const { log, faults, group, add } = build();
  add("a");
  add("b");
  faults.commit = true;
  assert.match(String(group.flush()), /no room/);
  assert.deepEqual(log.splice(0).slice(3), ["commit", "rollback", "a failed: no room", "b failed: no room"]);
  faults.commit = false;
  add("c");
  assert.equal(group.flush(), undefined);
  assert.equal(log.at(-1), "c committed");
});

test("createCommitGroup fails all writes when one cannot be inserted", () => {
  const { log, faults, add, group } = build();
  add("a");
  faults.insert = true;
  assert.throws(() => add("b"), /no room/);
  assert.deepEqual(log.slice(2), ["insert b", "rollback", "a failed: no room"]);
  assert.equal(group.flush(), undefined);
});
