import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, open, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { tarArchive } from "../tar.ts";
import { indexTar, readMember } from "./tar-index.ts";

const LONG = `${"folder-with-a-long-name/".repeat(6)}file`;

for (const format of ["ustar", "gnu", "pax", "oldgnu"]) {
  test(`indexTar reads what tar --format=${format} writes`, () =>
    withFolder(async (folder) => {
      const paths = format === "ustar" ? ["plain", "a/b"] : ["plain", "a/b", LONG];
      for (const path of paths) {
        await mkdir(join(folder, "in", dirname(path)), { recursive: true });
        await writeFile(join(folder, "in", path), `content of ${path}`);
      }
      await symlink("../plain", join(folder, "in/a/link"));
      execFileSync("tar", [`--format=${format}`, "-cf", join(folder, "x.tar"), "-C", join(folder, "in"), "."]);
      const contents = await readAll(join(folder, "x.tar"));
      for (const path of paths) assert.equal(contents.get(path), `content of ${path}`);
      assert.equal(contents.get("a/link"), "content of plain");
      assert.equal(contents.size, paths.length + 1);
    }));
}

test("indexTar refuses what is no archive, and one that is cut short", () =>
  withFolder(async (folder) => {
    const path = join(folder, "x.tar");
    await writeFile(path, "x".repeat(2000));
    await assert.rejects(readAll(path), /there is no tar header at byte 0/);
    await writeFile(path, tarArchive([{ kind: "file", path: "a", content: Buffer.alloc(5000) }]));
    await truncate(path, 3000);
    await assert.rejects(readAll(path), /it ends within "a"/);
    await truncate(path, 300);
    await assert.rejects(readAll(path), /it ends at byte 300/);
  }));

test("indexTar of any bytes gives members within the file, or an Error", () =>
  withFolder(async (folder) => {
    const path = join(folder, "x.tar");
    const whole = tarArchive([{ kind: "file", path: "a", content: Buffer.from("abc") }]);
    const change = fc.tuple(fc.nat(whole.length - 1), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 5 }), async (changes) => {
        const bytes = Buffer.from(whole);
        for (const [at, value] of changes) bytes[at] = value;
        await writeFile(path, bytes);
        await using file = await open(path);
        const members = await indexTar(file).catch((error) => {
          assert.ok(error instanceof Error);
          return new Map();
        });
        for (const { offset, size } of members.values()) assert.ok(offset + size <= bytes.length);
      }),
      { numRuns: 200 },
    );
  }));

async function readAll(path: string): Promise<ReadonlyMap<string, string>> {
  await using file = await open(path);
  const contents = new Map<string, string>();
  for (const [name, member] of await indexTar(file)) contents.set(name, (await readMember(file, member)).toString());
  return contents;
}

async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "podwire-tar-"));
  try {
    await body(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}
