import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { cachedImage } from "../images.ts";
import { type OciImage, ociArchive } from "../oci-archive.ts";
import { tarArchive } from "../tar.ts";
import type { BuiltInImage } from "./built-in-images.ts";
import { type ImageCatalog, openImageCatalog } from "./image-catalog.ts";
import { parseImageReference } from "./image-reference.ts";

const signal = AbortSignal.timeout(60_000);

test("a loaded image is found by its name and by its digest, also after opening again", () =>
  withFolder(async (folder) => {
    const { digest, bytes } = ociArchive(image("example.test/web:1", "one"));
    await writeFile(join(folder, "web.tar"), bytes);
    {
      await using catalog = await open(folder);
      assert.equal(await digestOf(catalog, "example.test/web:1"), undefined);
      const loaded = await catalog.load(join(folder, "web.tar"), signal);
      assert.deepEqual(loaded.names, ["example.test/web:1"]);
      assert.equal(await digestOf(catalog, "example.test/web:1"), digest);
    }
    await using catalog = await open(folder);
    assert.equal(await digestOf(catalog, "example.test/web:1"), digest);
    assert.equal(await digestOf(catalog, `example.test/web@${digest}`), digest);
    assert.equal(await digestOf(catalog, "example.test/web:2"), undefined);
    assert.equal(await digestOf(catalog, "other.test/web:1"), undefined);
    assert.deepEqual(catalog.names(), ["example.test/web:1"]);
  }));

test("blobs have the content that their digests say", () =>
  withFolder(async (folder) => {
    await writeFile(join(folder, "web.tar.gz"), gzipSync(ociArchive(image("example.test/web:1", "one")).bytes));
    await using catalog = await open(folder);
    await catalog.load(join(folder, "web.tar.gz"), signal);
    const name = parseImageReference("example.test/web:1");
    const manifest = JSON.parse(String((await catalog.findManifest(name, signal))?.bytes));
    const descriptors = [manifest.config, ...manifest.layers];
    assert.equal(descriptors.length, 2);
    for (const { digest, size } of descriptors) {
      const blob = await catalog.findBlob(name, digest, signal);
      assert.ok(blob);
      assert.equal(blob.size, size);
      const bytes = await buffer(blob.read(0, size - 1));
      assert.equal(`sha256:${createHash("sha256").update(bytes).digest("hex")}`, digest);
    }
    assert.equal(await catalog.findBlob(name, `sha256:${"0".repeat(64)}`, signal), undefined);
  }));

test("an image that is loaded later takes the place of the one before, and of a built-in one", () =>
  withFolder(async (folder) => {
    await using catalog = await open(folder, [builtIn()]);
    const name = "docker.io/library/tool:latest";
    const digests = [await digestOf(catalog, "tool")];
    for (const content of ["one", "two"]) {
      await writeFile(join(folder, "tool.tar"), ociArchive(image(name, content)).bytes);
      await catalog.load(join(folder, "tool.tar"), signal);
      digests.push(await digestOf(catalog, "tool"));
    }
    assert.equal(new Set(digests).size, 3);
    assert.equal(await digestOf(catalog, "tool:1.5"), digests[0]);
    assert.deepEqual(catalog.names(), [name]);
  }));

test("a built-in image is built once, when it is asked for, however many ask", () =>
  withFolder(async (folder) => {
    let builds = 0;
    await using catalog = await open(folder, [builtIn(() => builds++)]);
    assert.equal(await digestOf(catalog, "tool:nonsense"), undefined);
    assert.equal(builds, 0);
    const digests = await Promise.all(["tool", "tool:1", "tool:1.2"].map((name) => digestOf(catalog, name)));
    assert.equal(new Set(digests).size, 1);
    assert.equal(builds, 1);
    assert.equal(await digestOf(catalog, `tool@${digests[0]}`), digests[0]);
  }));

test("a built-in image that cannot be built is tried again by the next who asks", () =>
  withFolder(async (folder) => {
    let isBroken = true;
    const failing = builtIn(() => {
      if (isBroken) throw new Error("Cannot build it: no package");
    });
    await using catalog = await open(folder, [failing]);
    await assert.rejects(digestOf(catalog, "tool"), /no package/);
    isBroken = false;
    assert.ok(await digestOf(catalog, "tool"));
  }));

test("load takes the archive of an older docker save", () =>
  withFolder(async (folder) => {
    const json = (value: unknown) => Buffer.from(JSON.stringify(value));
    const layer = tarArchive([{ kind: "file", path: "tool", content: Buffer.from("tool") }]);
    await writeFile(
      join(folder, "saved.tar"),
      tarArchive([
        { kind: "file", path: "c.json", content: json({ architecture: "amd64", os: "linux", rootfs: {} }) },
        { kind: "file", path: "1/layer.tar", content: layer },
        { kind: "symlink", path: "2/layer.tar", target: "../1/layer.tar" },
        {
          kind: "file",
          path: "manifest.json",
          content: json([{ Config: "c.json", RepoTags: ["tool:1", "tool:2"], Layers: ["1/layer.tar", "2/layer.tar"] }]),
        },
      ]),
    );
    await using catalog = await open(folder);
    const { names } = await catalog.load(join(folder, "saved.tar"), signal);
    assert.deepEqual(names, ["docker.io/library/tool:1", "docker.io/library/tool:2"]);
    const manifest = await catalog.findManifest(parseImageReference("tool:1"), signal);
    const { layers } = JSON.parse(String(manifest?.bytes));
    const digest = `sha256:${createHash("sha256").update(layer).digest("hex")}`;
    assert.deepEqual(
      layers.map((part: { digest: string; size: number }) => [part.digest, part.size]),
      [
        [digest, layer.length],
        [digest, layer.length],
      ],
    );
  }));

test("load takes names from manifest.json where index.json has none", () =>
  withFolder(async (folder) => {
    const json = (value: unknown) => Buffer.from(JSON.stringify(value));
    await writeFile(
      join(folder, "saved.tar"),
      tarArchive([
        { kind: "file", path: "index.json", content: json({ schemaVersion: 2, manifests: [] }) },
        { kind: "file", path: "c.json", content: json({ architecture: "amd64", os: "linux", rootfs: {} }) },
        { kind: "file", path: "layer.tar", content: tarArchive([]) },
        {
          kind: "file",
          path: "manifest.json",
          content: json([{ Config: "c.json", RepoTags: ["tool:1"], Layers: ["layer.tar"] }]),
        },
      ]),
    );
    await using catalog = await open(folder);
    assert.deepEqual((await catalog.load(join(folder, "saved.tar"), signal)).names, ["docker.io/library/tool:1"]);
  }));

const broken: readonly { readonly name: string; readonly bytes: () => Buffer; readonly message: RegExp }[] = [
  { name: "text", bytes: () => Buffer.from("no archive".repeat(100)), message: /there is no tar header at byte 0/ },
  { name: "an empty archive", bytes: () => tarArchive([]), message: /neither index\.json .* nor manifest\.json/ },
  { name: "a cut archive", bytes: () => whole().subarray(0, whole().indexOf("xxxx") + 100), message: /it ends within/ },
  {
    name: "an archive without a layer",
    bytes: withoutLayer,
    message: /it is incomplete: it lacks blob sha256:/,
  },
  {
    name: "a layout of nothing",
    bytes: () => tarArchive([{ kind: "file", path: "index.json", content: Buffer.from("{}") }]),
    message: /no image in it has a name/,
  },
  {
    name: "an index that is no JSON",
    bytes: () => tarArchive([{ kind: "file", path: "index.json", content: Buffer.from("{") }]),
    message: /"index\.json" holds no JSON/,
  },
];

for (const { name, bytes, message } of broken) {
  test(`load refuses ${name} and keeps nothing of it`, () =>
    withFolder(async (folder) => {
      const path = join(folder, "broken.tar");
      await writeFile(path, bytes());
      await using catalog = await open(folder);
      await assert.rejects(catalog.load(path, signal), (error: Error) => {
        assert.match(error.message, message);
        assert.match(error.message, /^Cannot read image archive "[^"]*broken\.tar"/);
        return true;
      });
      assert.deepEqual(await readdir(join(folder, "loaded")), []);
    }));
}

test("load tells of a file that is not there", () =>
  withFolder(async (folder) => {
    await using catalog = await open(folder);
    await assert.rejects(
      catalog.load("/nowhere/x.tar", signal),
      /Cannot load image archive "\/nowhere\/x\.tar": ENOENT/,
    );
  }));

function image(name: string, content: string): OciImage {
  return {
    names: [name],
    architecture: "amd64",
    files: [{ kind: "file", path: "tool", content: Buffer.from(content) }],
    command: ["/tool"],
    environment: [],
  };
}

function builtIn(onBuild: () => void = () => undefined): BuiltInImage {
  return {
    repositories: [{ registry: "docker.io", repository: "library/tool" }],
    tags: /^(latest|1(\.\d+)?)$/,
    listedTag: "latest",
    async build(cacheDir) {
      onBuild();
      return cachedImage(cacheDir, image("docker.io/library/tool:latest", "built in"));
    },
  };
}

function whole(): Buffer {
  return ociArchive(image("example.test/web:1", "x".repeat(4000))).bytes;
}

/** The layer's blob is renamed, so that nobody finds it. */
function withoutLayer(): Buffer {
  const manifest = String(whole()).match(/"layers":\[\{"mediaType":"[^"]*","digest":"sha256:([0-9a-f]{64})"/);
  const digest = manifest?.[1] ?? "";
  const bytes = Buffer.from(whole());
  const at = bytes.indexOf(`blobs/sha256/${digest}`);
  assert.ok(at > 0);
  const header = at - (at % 512);
  bytes.write("other", at);
  bytes.fill(" ", header + 148, header + 156);
  const sum = bytes.subarray(header, header + 512).reduce((total, byte) => total + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, "0")}\0 `, header + 148);
  return bytes;
}

async function digestOf(catalog: ImageCatalog, name: string): Promise<string | undefined> {
  return (await catalog.findManifest(parseImageReference(name), signal))?.digest;
}

async function open(folder: string, builtIn: readonly BuiltInImage[] = []): Promise<ImageCatalog> {
  return openImageCatalog({ cacheDir: folder, loadedDir: join(folder, "loaded"), builtIn });
}

async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "podwire-catalog-"));
  try {
    await body(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}
