import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { resolveSubPath } from "./sub-path.ts";

suite("resolveSubPath", () => {
  let folder: string;
  let root: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "podwire-sub-"));
    root = join(folder, "volume");
    await mkdir(join(root, "..data"), { recursive: true });
    await writeFile(join(root, "..data/key"), "");
    await symlink("..data/key", join(root, "key"));
    await symlink("/etc", join(root, "out"));
    await symlink("../beside", join(root, "beside"));
    await mkdir(join(folder, "beside"));
    await mkdir(join(folder, "volume-other"));
    await symlink("../volume-other", join(root, "prefix"));
    await chmod(root, 0o2777);
  });
  after(() => rm(folder, { recursive: true }));

  test("follows links inside of the volume", async () => {
    assert.equal(await resolveSubPath(root, join(root, "key")), join(root, "..data/key"));
  });

  for (const name of ["out", "out/passwd", "beside", "prefix"]) {
    test(`refuses "${name}", which leads out of it`, async () => {
      await assert.rejects(resolveSubPath(root, join(root, name)), /leads out of the volume$/);
    });
  }

  test("makes what is missing, for whoever may use the volume", async () => {
    assert.equal(await resolveSubPath(root, join(root, "a/b")), join(root, "a/b"));
    for (const made of ["a", "a/b"]) assert.equal((await stat(join(root, made))).mode & 0o7777, 0o2777);
  });
});
