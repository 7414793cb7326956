import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { tryStateLock, waitForStateLock } from "./state-lock.ts";

function lockPath(): Disposable & { readonly path: string } {
  const folder = mkdtempSync(join(tmpdir(), "podwire-lock-"));
  return { path: join(folder, "net-1/lock"), [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
}

/** Another process that holds the lock: flock(1) says so, and gives it back when it ends. */
async function holdElsewhere(path: string, how: "--shared" | "--exclusive"): Promise<ChildProcess> {
  const child = spawn("flock", [how, path, "sh", "-c", "echo held; read line"], { stdio: ["pipe", "pipe", "inherit"] });
  assert.ok(child.stdout);
  await once(child.stdout, "data");
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  child.stdin?.end("\n");
  await once(child, "close");
}

const soon = (): AbortSignal => AbortSignal.timeout(10_000);

test("a shared lock leaves room for shared ones alone, an exclusive one for none", () => {
  using temporary = lockPath();
  const { path } = temporary;
  {
    using first = tryStateLock(path, "shared");
    using second = tryStateLock(path, "shared");
    assert.ok(first && second);
    assert.equal(tryStateLock(path, "exclusive"), undefined);
  }
  using alone = tryStateLock(path, "exclusive");
  assert.ok(alone);
  assert.equal(tryStateLock(path, "shared"), undefined);
  assert.equal(tryStateLock(path, "exclusive"), undefined);
});

test("the lock's folder is root's alone", () => {
  using temporary = lockPath();
  using _lock = tryStateLock(temporary.path, "shared");
  assert.equal(statSync(dirname(temporary.path)).mode & 0o777, 0o700);
  assert.equal(statSync(temporary.path).mode & 0o777, 0o600);
});

test("another process excludes, until it ends", async () => {
  using temporary = lockPath();
  tryStateLock(temporary.path, "shared")?.[Symbol.dispose]();
  const other = await holdElsewhere(temporary.path, "--shared");
  assert.equal(tryStateLock(temporary.path, "exclusive"), undefined);
  tryStateLock(temporary.path, "shared")?.[Symbol.dispose]();
  const waiting = waitForStateLock(temporary.path, soon());
  await end(other);
  using lock = await waiting;
  assert.ok(lock);
  assert.equal(tryStateLock(temporary.path, "shared"), undefined);
});

test("waitForStateLock has a free lock at once", async () => {
  using temporary = lockPath();
  using lock = await waitForStateLock(temporary.path, soon());
  assert.ok(lock);
});

test("waitForStateLock gives up when it is told to, and the lock is free afterwards", async () => {
  using temporary = lockPath();
  const held = tryStateLock(temporary.path, "shared");
  const stop = new AbortController();
  const waiting = waitForStateLock(temporary.path, stop.signal);
  stop.abort();
  assert.equal(await waiting, undefined);
  held?.[Symbol.dispose]();
  // The thread that waited gets the lock now, and gives it back.
  using lock = await waitForStateLock(temporary.path, soon());
  assert.ok(lock);
});
