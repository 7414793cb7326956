import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { keepNetworkFiles } from "./keep-network-files.ts";

test("keepNetworkFiles tells of every way in which files are not as written, also after it wrote them again", async () => {
  const root = mkdtempSync(join(tmpdir(), "podwire-files-"));
  try {
    const folder = join(root, "flannel");
    const files = [
      { path: join(folder, "subnet.env"), text: "FLANNEL_MTU=1450\n" },
      { path: join(folder, "10-podwire.conflist"), text: "{}\n" },
    ];
    const paths = files.map(({ path }) => path);
    const [env = "", conflist = ""] = paths;
    let heard = Promise.withResolvers<void>();
    using keeper = keepNetworkFiles(() => heard.resolve());
    assert.deepEqual(keeper.write(files), paths);
    const damages: readonly (readonly [() => void, readonly string[]])[] = [
      [() => rmSync(env), [env]],
      [() => writeFileSync(conflist, ""), [conflist]],
      [() => rmSync(folder, { recursive: true }), paths],
      [() => rmSync(env), [env]],
      [() => writeFileSync(join(folder, "00-rival.conflist"), ""), []],
      [() => rmSync(conflist), [conflist]],
    ];
    for (const [damage, written] of damages) {
      heard = Promise.withResolvers();
      damage();
      await heard.promise;
      assert.deepEqual(keeper.write(files), written);
      for (const { path, text } of files) assert.equal(readFileSync(path, "utf8"), text);
    }
  } finally {
    rmSync(root, { recursive: true });
  }
});
