import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pauseProgram } from "./pause.ts";

const skip = process.arch === "x64" ? false : "the pause program exists for x64 only";

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  test(`pauseProgram runs, and ends with status 0 on ${signal} but not on SIGHUP`, { skip }, async () => {
    const folder = await mkdtemp(join(tmpdir(), "podwire-pause-"));
    try {
      const program = join(folder, "pause");
      await writeFile(program, pauseProgram(process.arch), { mode: 0o755 });
      // Signals are blocked before the program starts, so that none can arrive too early; pending ones are
      // taken in the order of their numbers, SIGHUP first.
      const child = spawn("env", ["--block-signal", "sh", "-c", 'echo; exec "$0"', program], {
        stdio: ["ignore", "pipe", "ignore"],
      });
      const exited = once(child, "exit");
      await once(child.stdout, "data");
      child.kill("SIGHUP");
      child.kill(signal);
      assert.deepEqual(await exited, [0, null]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
}

test("pauseProgram names an architecture that it does not know", () => {
  assert.throws(() => pauseProgram("mips"), /"mips"/);
});
