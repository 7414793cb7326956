import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { type TarEntry, tarArchive } from "./tar.ts";

const entries: readonly TarEntry[] = [
  { kind: "folder", path: "bin" },
  { kind: "folder", path: "tmp", mode: 0o1777 },
  { kind: "file", path: "bin/tool", content: Buffer.from("#!tool\n"), mode: 0o755 },
  { kind: "file", path: "empty", content: Buffer.alloc(0) },
  { kind: "file", path: "block", content: Buffer.alloc(512, "x") },
  { kind: "symlink", path: "bin/link", target: "tool" },
];

test("tarArchive is read by GNU tar with modes, sizes and targets as given", () => {
  const listing = execFileSync("tar", ["--list", "--verbose", "--full-time", "--utc", "--file=-"], {
    input: tarArchive(entries),
    encoding: "utf8",
    env: { PATH: process.env["PATH"] ?? "", LC_ALL: "C" },
  });
  const lines = listing.trim().split("\n");
  assert.deepEqual(
    lines.map((line) => line.replace(/ +/g, " ")),
    [
      "drwxr-xr-x 0/0 0 2000-01-01 00:00:00 bin/",
      "drwxrwxrwt 0/0 0 2000-01-01 00:00:00 tmp/",
      "-rwxr-xr-x 0/0 7 2000-01-01 00:00:00 bin/tool",
      "-rw-r--r-- 0/0 0 2000-01-01 00:00:00 empty",
      "-rw-r--r-- 0/0 512 2000-01-01 00:00:00 block",
      "lrwxrwxrwx 0/0 0 2000-01-01 00:00:00 bin/link -> tool",
    ],
  );
});

test("tarArchive keeps the content of files", () => {
  const content = execFileSync("tar", ["--extract", "--to-stdout", "--file=-", "bin/tool"], {
    input: tarArchive(entries),
    encoding: "utf8",
  });
  assert.equal(content, "#!tool\n");
});

test("tarArchive fills blocks of 512 bytes and ends with two empty ones", () => {
  const archive = tarArchive(entries);
  assert.equal(archive.length, 512 * (6 + 2 + 2));
  assert.ok(archive.subarray(-1024).every((byte) => byte === 0));
});

const refused: readonly TarEntry[] = [
  { kind: "file", path: "x".repeat(101), content: Buffer.alloc(0) },
  { kind: "folder", path: "x".repeat(100) },
  { kind: "symlink", path: "link", target: "ü".repeat(51) },
  { kind: "file", path: "a\0b", content: Buffer.alloc(0) },
];

for (const entry of refused) {
  test(`tarArchive refuses a ${entry.kind} whose names do not fit`, () => {
    assert.throws(() => tarArchive([entry]), RangeError);
  });
}
