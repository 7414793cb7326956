import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { cachedNginxImage } from "./cached-nginx-image.ts";
import { nginxRecipe } from "./nginx-image.ts";

const signal = AbortSignal.timeout(60_000);
const NOTE = "nginx-0123456789abcdef.json";
const LATER = new Date(Date.now() + 3_600_000);

function note(more: object = {}): string {
  const content = {
    recipe: nginxRecipe(process.arch),
    arch: process.arch,
    file: "nginx-a.tar",
    digest: "sha256:a",
    size: 5,
    ...more,
  };
  return JSON.stringify(content);
}

test("cachedNginxImage gives the image of the newest note while no package has changed since", () =>
  withFolder(async (folder) => {
    await writeFile(join(folder, "nginx-a.tar"), "image");
    await writeFile(join(folder, NOTE), note());
    await utimes(join(folder, NOTE), LATER, LATER);
    const image = await cachedNginxImage(folder, signal);
    assert.deepEqual([image.path, image.digest], [join(folder, "nginx-a.tar"), "sha256:a"]);
    assert.deepEqual((await readdir(folder)).toSorted(), [NOTE, "nginx-a.tar"]);
    assert.equal((await stat(join(folder, NOTE))).mtimeMs, LATER.getTime());
  }));

const useless = {
  "an image that is gone": note({ file: "nginx-gone.tar" }),
  "an image that is damaged": note({ size: 6 }),
  "another recipe": note({ recipe: "sha256:0" }),
  "another machine": note({ arch: "pdp11" }),
  "no JSON": note().slice(0, 20),
  "no object": "[]",
};
for (const [what, text] of Object.entries(useless)) {
  test(`cachedNginxImage does not use a note of ${what}`, () =>
    withFolder(async (folder) => {
      await writeFile(join(folder, "nginx-a.tar"), "image");
      await writeFile(join(folder, NOTE), text);
      await utimes(join(folder, NOTE), LATER, LATER);
      const path = process.env["PATH"];
      process.env["PATH"] = folder; // neither dpkg nor apt is there: nothing can be built
      try {
        await assert.rejects(cachedNginxImage(folder, signal), /Cannot download Debian package "nginx"/);
      } finally {
        process.env["PATH"] = path;
      }
    }));
}

async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "podwire-nginx-"));
  try {
    await body(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}
