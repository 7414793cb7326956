import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { removeCgroup } from "./remove-cgroup.ts";

test("removeCgroup removes a container's empty folder from every hierarchy, and no other", async () => {
  const root = mkdtempSync(join(tmpdir(), "podwire-cgroup-"));
  try {
    for (const hierarchy of ["cpu", "memory", "."])
      for (const id of ["gone", "other"]) mkdirSync(join(root, hierarchy, "node/pods", id), { recursive: true });
    mkdirSync(join(root, "pids/node/pods/gone/inner"), { recursive: true });
    writeFileSync(join(root, "file"), "");
    await removeCgroup("/node/pods", "gone", root);
    await removeCgroup("/node/pods", "never", root);
    for (const hierarchy of ["cpu", "memory", "."]) {
      assert.equal(existsSync(join(root, hierarchy, "node/pods/gone")), false, hierarchy);
      assert.equal(existsSync(join(root, hierarchy, "node/pods/other")), true, hierarchy);
    }
    assert.equal(existsSync(join(root, "pids/node/pods/gone/inner")), true, "what is in use stays");
  } finally {
    rmSync(root, { recursive: true });
  }
});
