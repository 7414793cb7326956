import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { type OciImage, ociArchive } from "./oci-archive.ts";

const image: OciImage = {
  names: ["example.test/tool:1", "example.test/tool:2"],
  architecture: "amd64",
  files: [{ kind: "file", path: "tool", content: Buffer.from("tool"), mode: 0o755 }],
  command: ["/tool"],
  environment: ["PATH=/"],
};

function member(archive: Buffer, path: string): Buffer {
  return execFileSync("tar", ["--extract", "--to-stdout", "--file=-", path], { input: archive });
}

test("ociArchive gives the same digest for the same image, on any machine", () => {
  assert.equal(ociArchive(image).digest, ociArchive(image).digest);
  assert.equal(ociArchive(image).digest, "sha256:20103497950ee899422adad992035b4ebf6a130229a90235321a4e757e593943");
});

test("ociArchive gives another digest for another content", () => {
  const changed = { ...image, files: [{ kind: "file", path: "tool", content: Buffer.from("Tool") }] } as const;
  assert.notEqual(ociArchive(changed).digest, ociArchive(image).digest);
});

test("ociArchive names the manifest once per name and holds every blob under its digest", () => {
  const { bytes, digest } = ociArchive(image);
  const index = JSON.parse(member(bytes, "index.json").toString());
  assert.deepEqual(
    index.manifests.map((entry: { digest: string; annotations: Record<string, string> }) => [
      entry.digest,
      entry.annotations["io.containerd.image.name"],
      entry.annotations["org.opencontainers.image.ref.name"],
    ]),
    [
      [digest, "example.test/tool:1", "1"],
      [digest, "example.test/tool:2", "2"],
    ],
  );
  const manifest = JSON.parse(member(bytes, `blobs/${digest.replace(":", "/")}`).toString());
  const blobs = [manifest.config, ...manifest.layers, index.manifests[0]];
  assert.equal(blobs.length, 3);
  for (const descriptor of blobs) {
    const content = member(bytes, `blobs/${descriptor.digest.replace(":", "/")}`);
    assert.equal(`sha256:${createHash("sha256").update(content).digest("hex")}`, descriptor.digest);
    assert.equal(content.length, descriptor.size);
  }
});

test("ociArchive refuses a name without tag, also when the registry has a port", () => {
  assert.throws(() => ociArchive({ ...image, names: ["example.test:5000/tool"] }), /has no tag/);
});

test("ociArchive writes stop signal and ports only where an image has them", () => {
  const configOf = ({ bytes }: { readonly bytes: Buffer }) => {
    const index = JSON.parse(member(bytes, "index.json").toString());
    const manifest = JSON.parse(member(bytes, `blobs/${index.manifests[0].digest.replace(":", "/")}`).toString());
    return JSON.parse(member(bytes, `blobs/${manifest.config.digest.replace(":", "/")}`).toString()).config;
  };
  assert.deepEqual(configOf(ociArchive(image)), { Env: ["PATH=/"], Cmd: ["/tool"] });
  assert.deepEqual(configOf(ociArchive({ ...image, stopSignal: "SIGQUIT", exposedPorts: ["80/tcp"] })), {
    ExposedPorts: { "80/tcp": {} },
    Env: ["PATH=/"],
    Cmd: ["/tool"],
    StopSignal: "SIGQUIT",
  });
});
