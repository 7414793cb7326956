import assert from "node:assert/strict";
import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { createLogRotator } from "./create-log-rotator.ts";
import { rotatedName } from "./log-files.ts";

async function rotatorOf(reopen: (path: string) => Promise<void>) {
  const folder = await mkdtemp(join(tmpdir(), "podwire-rotate-"));
  const path = join(folder, "0.log");
  let tell: (what: string) => void = () => undefined;
  const rotator = createLogRotator({
    cri: {
      async reopenContainerLog() {
        await reopen(path);
        tell("reopened");
        return {};
      },
    },
    limits: { maxBytes: 10, maxFiles: 3 },
    onRotated: () => tell("rotated"),
    onError: (_id, error) => tell(`failed: ${String(error)}`),
  });
  return {
    rotator,
    path,
    files: async () => (await readdir(folder)).toSorted(),
    next: (wanted: string) =>
      new Promise<string>((resolve) => {
        tell = (what) => {
          if (what.startsWith(wanted)) resolve(what);
        };
      }),
    async [Symbol.asyncDispose]() {
      await rotator[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
}

suite("createLogRotator", () => {
  test("renames a log that has grown too big, and lets the runtime open a new one", async () => {
    await using own = await rotatorOf((path) => writeFile(path, ""));
    await writeFile(own.path, "short");
    own.rotator.follow("u", [{ id: "c", logPath: own.path }]);
    const rotated = own.next("rotated");
    await appendFile(own.path, "and then more");
    await rotated;
    const files = await own.files();
    assert.equal(files.length, 2);
    assert.equal(await readFile(`${own.path}${files[1]?.slice("0.log".length)}`, "utf8"), "shortand then more");
    assert.equal(own.rotator.isRotating("c"), false);
  });

  test("keeps as many as it should, the newest", async () => {
    await using own = await rotatorOf((path) => writeFile(path, ""));
    const old = [1, 2, 3].map((day) => rotatedName(own.path, Date.UTC(2020, 0, day)));
    for (const path of old) await writeFile(path, "");
    await writeFile(own.path, "0123456789");
    const rotated = own.next("rotated");
    own.rotator.follow("u", [{ id: "c", logPath: own.path }]);
    await rotated;
    await own.rotator[Symbol.asyncDispose]();
    const files = await own.files();
    assert.equal(files.length, 3);
    assert.equal(files[1], "0.log.20200103-000000.000");
  });

  test("a runtime that does not take part keeps its file", async () => {
    await using own = await rotatorOf(() => Promise.reject(new Error("no")));
    await writeFile(own.path, "0123456789");
    const failed = own.next("failed");
    own.rotator.follow("u", [{ id: "c", logPath: own.path }]);
    assert.match(await failed, /no$/);
    assert.deepEqual(await own.files(), ["0.log"]);
  });

  test("a rotation that a killed kubelet had begun is finished", async () => {
    await using own = await rotatorOf((path) => writeFile(path, ""));
    await writeFile(rotatedName(own.path, Date.UTC(2020, 0, 1)), "0123456789");
    const reopened = own.next("reopened");
    own.rotator.follow("u", [{ id: "c", logPath: own.path }]);
    await reopened;
    assert.deepEqual(await own.files(), ["0.log", "0.log.20200101-000000.000"]);
  });
});
