import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { isOurLauncher } from "./our-launcher.ts";
import { NATIVE_LAUNCHER } from "./testing/call-launcher.ts";

function temporaryFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), "podwire-ours-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}

test("our launcher is known under any name, also by a link", () => {
  using folder = temporaryFolder();
  const copy = join(folder.path, "flannel");
  copyFileSync(NATIVE_LAUNCHER, copy);
  symlinkSync(copy, join(folder.path, "bridge"));
  assert.deepEqual([copy, join(folder.path, "bridge"), copy].map(isOurLauncher), [true, true, true]);
});

test("other programs are foreign, however large", () => {
  using folder = temporaryFolder();
  const script = join(folder.path, "script");
  writeFileSync(script, "#!/bin/sh\n");
  const large = join(folder.path, "large");
  writeFileSync(large, Buffer.concat([Buffer.alloc(1024 * 1024), Buffer.from("podwire-cni-launcher-1")]));
  const empty = join(folder.path, "empty");
  writeFileSync(empty, "");
  assert.deepEqual([script, large, empty].map(isOurLauncher), [false, false, false]);
});

test("a file that is replaced is looked at again, even with the same size", () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "bridge");
  const ours = Buffer.from("xx podwire-cni-launcher-1 xx");
  writeFileSync(path, Buffer.alloc(ours.length));
  assert.equal(isOurLauncher(path), false);
  writeFileSync(path, ours);
  utimesSync(path, 1, 1);
  assert.equal(isOurLauncher(path), true);
});

test("a file that is missing is an error, not a foreign program", () => {
  assert.throws(() => isOurLauncher("/nonexistent/bridge"), { code: "ENOENT" });
});
