import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { writeAtomically } from "./write-atomically.ts";

const file = (text: string) => ({ content: Buffer.from(text), mode: 0o644 });

suite("writeAtomically", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "podwire-volume-"));
  });
  after(() => rm(folder, { recursive: true }));

  test("writes, leaves what is the same, and replaces the rest at once", async () => {
    const files = new Map([
      ["a", file("1")],
      ["deep/b", file("2")],
    ]);
    assert.equal(await writeAtomically(folder, files), true);
    const first = await readlink(join(folder, "..data"));
    assert.equal(await writeAtomically(folder, files), false);
    assert.equal(await readlink(join(folder, "..data")), first);
    assert.equal(await readFile(join(folder, "deep/b"), "utf8"), "2");
    assert.equal(await writeAtomically(folder, new Map([["c", file("3")]])), true);
    const second = await readlink(join(folder, "..data"));
    assert.deepEqual((await readdir(folder)).toSorted(), ["..data", second, "c"].toSorted());
  });

  for (const path of ["../x", "/x", "a/../../x", "..data"]) {
    test(`refuses ${path}`, () => assert.rejects(writeAtomically(folder, new Map([[path, file("")]])), /leads out/));
  }
});
