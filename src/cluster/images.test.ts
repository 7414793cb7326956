import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { test } from "node:test";
import { buildImages, busyboxImage, pauseImage } from "./images.ts";
import { ociArchive } from "./oci-archive.ts";

test("pauseImage has a digest that does not depend on machine or time", () => {
  assert.equal(
    ociArchive(pauseImage("x64")).digest,
    "sha256:b2c3deb91cb8a20d8af1e970fef6077e95d0bbd39064eefcd99ac89a576a3951",
  );
});

test("busyboxImage links every name but its own to the program, in the order of names", () => {
  const { files } = busyboxImage("x64", { program: Buffer.from("program"), applets: ["sh", "busybox", "cat"] });
  assert.deepEqual(
    files.filter(({ path }) => path.startsWith("bin/")).map(({ kind, path }) => [kind, path]),
    [
      ["file", "bin/busybox"],
      ["symlink", "bin/cat"],
      ["symlink", "bin/sh"],
    ],
  );
});

const WGET_CALLS = [
  { given: "-qO- http://10.0.0.1", called: "busybox wget -qO- http://10.0.0.1" },
  { given: "-T 2 -qO- http://10.0.0.1", called: "timeout 2 busybox wget -qO- http://10.0.0.1" },
  { given: "-qO- http://10.0.0.1 -T3", called: "timeout 3 busybox wget -qO- http://10.0.0.1" },
  { given: "--spider --timeout=1 web", called: "timeout 1 busybox wget --spider web" },
  { given: "--timeout 1 Test", called: "timeout 1 busybox wget Test" },
];

for (const { given, called } of WGET_CALLS) {
  test(`busyboxImage has a wget that takes "${given}"`, async () => {
    const { files } = busyboxImage("x64", { program: Buffer.from("program"), applets: ["wget"] });
    const wget = files.find(({ path }) => path === "bin/wget");
    assert.ok(wget?.kind === "file");
    const folder = await mkdtemp(join(tmpdir(), "podwire-wget-"));
    try {
      for (const name of ["busybox", "timeout"])
        await writeFile(join(folder, name), `#!/bin/sh\necho ${name} "$@"\n`, { mode: 0o755 });
      const argv = ["-s", "--", ...given.split(" ")];
      const { stdout } = spawnSync("/bin/sh", argv, { input: wget.content, encoding: "utf8", env: { PATH: folder } });
      assert.equal(stdout, `${called}\n`);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
}

test("buildImages writes each image once, and again when the file is damaged", async () => {
  const cacheDir = await mkdtemp(join(tmpdir(), "podwire-images-"));
  const signal = AbortSignal.timeout(60_000);
  try {
    const first = await buildImages(cacheDir, signal);
    const paths = [first.busybox.path, first.pause.path];
    assert.deepEqual(await readdir(cacheDir), paths.map((path) => basename(path)).toSorted());

    const written = await stat(first.busybox.path);
    assert.deepEqual(await buildImages(cacheDir, signal), first);
    assert.equal((await stat(first.busybox.path)).ino, written.ino);

    const whole = await readFile(first.pause.path);
    await writeFile(first.pause.path, whole.subarray(0, 1000));
    await buildImages(cacheDir, signal);
    assert.deepEqual(await readFile(first.pause.path), whole);
  } finally {
    await rm(cacheDir, { recursive: true });
  }
});

test("buildImages names the busybox that PODWIRE_BUSYBOX asks for when it is not there", async () => {
  const cacheDir = await mkdtemp(join(tmpdir(), "podwire-images-"));
  process.env["PODWIRE_BUSYBOX"] = "/nowhere/busybox";
  try {
    await assert.rejects(
      buildImages(cacheDir, AbortSignal.timeout(60_000)),
      /from "\/nowhere\/busybox".*PODWIRE_BUSYBOX/,
    );
  } finally {
    delete process.env["PODWIRE_BUSYBOX"];
    await rm(cacheDir, { recursive: true });
  }
});
