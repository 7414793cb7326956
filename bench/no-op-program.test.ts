import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { spawnAndWait } from "#kernel/syscalls/spawn.ts";
import { writeNoOpProgram } from "./no-op-program.ts";

test("writeNoOpProgram writes a program that succeeds and says nothing", () => {
  const folder = mkdtempSync(join(tmpdir(), "pwtest-"));
  try {
    const path = join(folder, "no-op");
    writeNoOpProgram(path);
    const { durationMs: _, ...outcome } = spawnAndWait({ path, argv: [path], environment: {}, stdin: "" });
    assert.deepEqual(outcome, { exitStatus: 0, stdout: "", stderr: "" });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
