import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { processEnd } from "./process-end.ts";

const signal = AbortSignal.timeout(20_000);

test("processEnd resolves when a process ends, and at once when there is none", async () => {
  const child = spawn("sleep", ["1000"]);
  const { pid = 0 } = child;
  let isOver = false;
  const end = processEnd(pid, signal).then(() => {
    isOver = true;
  });
  await new Promise(setImmediate);
  assert.equal(isOver, false);
  child.kill("SIGKILL");
  await Promise.all([end, once(child, "exit")]);
  await processEnd(pid, signal);
});

test("processEnd rejects with the signal's reason", async () => {
  const stop = new AbortController();
  const waiting = processEnd(process.pid, stop.signal);
  stop.abort(new Error("enough"));
  await assert.rejects(waiting, /enough/);
});
