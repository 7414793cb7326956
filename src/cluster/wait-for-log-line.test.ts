import assert from "node:assert/strict";
import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { waitForLogLine } from "./wait-for-log-line.ts";

suite("waitForLogLine", () => {
  const signal = AbortSignal.timeout(20_000);
  let folder: string;
  let path: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "podwire-log-"));
    path = join(folder, "log");
    await writeFile(path, "ready from before\n");
  });
  after(() => rm(folder, { recursive: true }));

  test("resolves for what is there already, behind the offset only", async () => {
    await waitForLogLine({ path, offset: 0, pattern: /ready/ }, signal);
    const stop = new AbortController();
    const waiting = waitForLogLine({ path, offset: 18, pattern: /ready/ }, stop.signal);
    stop.abort(new Error("enough"));
    await assert.rejects(waiting, /enough/);
  });

  test("resolves when the line is complete, however it comes", async () => {
    const waiting = waitForLogLine({ path, offset: 18, pattern: /ready now/ }, signal);
    await appendFile(path, "rea");
    await appendFile(path, "dy now\n");
    await waiting;
  });
});
