import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { closeSync, readSync, writeSync } from "node:fs";
import { test } from "node:test";
import { promisify } from "node:util";
import { watchReadable } from "./readable.ts";
import { call } from "./syscalls.ts";

/** EFD_NONBLOCK | EFD_CLOEXEC */
const EFD_FLAGS = 0o2004000;

function eventfd(): { readonly fd: number; signal(): void; drain(): bigint } & Disposable {
  const fd = call("eventfd", "create eventfd", 0, EFD_FLAGS);
  const bytes = Buffer.alloc(8);
  return {
    fd,
    signal() {
      bytes.writeBigUInt64LE(1n);
      writeSync(fd, bytes);
    },
    drain() {
      readSync(fd, bytes);
      return bytes.readBigUInt64LE();
    },
    [Symbol.dispose]: () => closeSync(fd),
  };
}

test("watchReadable calls back for the descriptor that is readable, again and again", async () => {
  using one = eventfd();
  using two = eventfd();
  const calls: string[] = [];
  let next = Promise.withResolvers<void>();
  const report = (name: string, source: typeof one) => () => {
    source.drain();
    calls.push(name);
    next.resolve();
  };
  using _one = watchReadable(one.fd, report("one", one));
  using _two = watchReadable(two.fd, report("two", two));
  for (const source of [two, one, two]) {
    next = Promise.withResolvers();
    source.signal();
    await next.promise;
  }
  assert.deepEqual(calls, ["two", "one", "two"]);
});

test("watchReadable is silent after it was disposed, and can be used again", async () => {
  using one = eventfd();
  using two = eventfd();
  const watch = watchReadable(one.fd, () => assert.fail("called after it was disposed"));
  watch[Symbol.dispose]();
  watch[Symbol.dispose]();
  one.signal();
  const { promise, resolve } = Promise.withResolvers<bigint>();
  using _ = watchReadable(two.fd, () => resolve(two.drain()));
  two.signal();
  assert.equal(await promise, 1n);
});

test("watchReadable can be disposed and renewed inside its own callback", async () => {
  using one = eventfd();
  const { promise, resolve } = Promise.withResolvers<void>();
  let current: Disposable = watchReadable(one.fd, () => {
    one.drain();
    current[Symbol.dispose]();
    current = watchReadable(one.fd, () => {
      one.drain();
      resolve();
    });
    one.signal();
  });
  one.signal();
  await promise;
  current[Symbol.dispose]();
});

const run = promisify(execFile);
const program = (end: string) => `
  import { watchReadable } from "./readable.ts";
  import { call } from "./syscalls.ts";
  const watch = watchReadable(call("eventfd", "create eventfd", 0, ${EFD_FLAGS}), () => undefined);
  setImmediate(() => { ${end} });
`;

test("a process ends once nothing is watched any more", async () => {
  const argv = ["--input-type=module-typescript", "-e", program("watch[Symbol.dispose]()")];
  await run(process.execPath, argv, { cwd: import.meta.dirname, timeout: 10_000 });
});

test("a process stays while something is watched", async () => {
  const argv = ["--input-type=module-typescript", "-e", program("console.log('watching')")];
  const running = run(process.execPath, argv, { cwd: import.meta.dirname, timeout: 10_000 });
  running.child.stdout?.once("data", () => {
    assert.equal(running.child.exitCode, null);
    running.child.kill("SIGKILL");
  });
  await assert.rejects(running, { signal: "SIGKILL" });
});
