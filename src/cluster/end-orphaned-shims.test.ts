import assert from "node:assert/strict";
import { test } from "node:test";
import { findOrphans, readShim } from "./end-orphaned-shims.ts";

const SHIM = ["/usr/bin/containerd-shim-runc-v2", "-namespace", "k8s.io", "-id", "abc", "-address", "/run/c.sock"];

const CASES: readonly (readonly [what: string, argv: readonly string[], sandboxId: string | undefined])[] = [
  ["a shim of CRI", SHIM, "abc"],
  ["a shim of somebody else's namespace", SHIM.with(2, "default"), undefined],
  ["another program with such arguments", SHIM.with(0, "/usr/bin/less"), undefined],
  ["a shim that is asked for its version", ["containerd-shim-runc-v2", "-v"], undefined],
  ["a process that has ended", [], undefined],
];

for (const [what, argv, sandboxId] of CASES) {
  test(`readShim: ${what}`, () => {
    const cmdline = argv.map((argument) => `${argument}\0`).join("");
    assert.deepEqual(readShim(7, cmdline), sandboxId === undefined ? undefined : { pid: 7, sandboxId });
  });
}

test("findOrphans: from before, alive to nobody, under whatever process id", () => {
  const shim = (pid: number, sandboxId: string) => ({ pid, sandboxId });
  const earlier = [shim(1, "alive"), shim(2, "lost"), shim(3, "starter")];
  const running = [shim(1, "alive"), shim(2, "lost"), shim(30, "starter"), shim(4, "new")];
  assert.deepEqual(findOrphans(earlier, running, new Set(["alive", "new"])), [shim(2, "lost"), shim(30, "starter")]);
  assert.deepEqual(findOrphans(earlier, [shim(4, "new")], new Set()), []);
});
