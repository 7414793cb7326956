import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { requireRoot } from "#kernel/testing/with-netns.ts";
import { type LedgerKey, openLedger } from "./ledger.ts";

/** A file system of 256 KiB. */
function smallDisk(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), "podwire-full-disk-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=256k", "podwire-test", path]);
  return {
    path,
    [Symbol.dispose]() {
      execFileSync("umount", [path]);
      rmSync(path, { recursive: true });
    },
  };
}

for (const mode of ["cached", "uncached"] as const) {
  test(`on a full disk a ${mode} ledger refuses ADD before it begins, and lets DEL go on`, requireRoot, () => {
    using disk = smallDisk();
    const key: LedgerKey = { network: "net", containerId: "c1", ifname: "eth0", plugin: "bridge" };
    const input = { ...key, netns: "/run/netns/c1", args: "", path: "", config: { text: "x".repeat(20_000) } };
    using ledger = openLedger(join(disk.path, "ledger"), "boot/1", mode);
    ledger.begin(input);
    ledger.commit(key, { hostLink: "veth1" });
    assert.throws(() => writeFileSync(join(disk.path, "filler"), Buffer.alloc(300_000)), { code: "ENOSPC" });
    assert.throws(() => ledger.begin({ ...input, containerId: "c2" }), { code: "ENOSPC" });
    ledger.startDelete(key);
    ledger.remove(key);
    assert.equal(ledger.find({ ...key, containerId: "c2" }), undefined);
    if (mode === "cached") assert.deepEqual(ledger.all(), []);
    rmSync(join(disk.path, "filler"));
    ledger.begin({ ...input, containerId: "c3" });
    const after = openLedger(join(disk.path, "ledger"), "boot/1", "uncached").all();
    assert.ok(after.some(({ containerId }) => containerId === "c3"));
    assert.ok(!after.some(({ containerId }) => containerId === "c2"));
  });
}
