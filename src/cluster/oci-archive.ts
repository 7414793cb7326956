/**
 * A container image as one tar file in the OCI image layout, ready for `ctr images import`.
 * One layer, not compressed: nodes import from the same machine. The same input always gives the same digests.
 * Sources: OCI Image Format 1.0.2, image-layout.md, manifest.md, config.md; containerd's `io.containerd.image.name`.
 */
import { createHash } from "node:crypto";
import { type TarEntry, tarArchive } from "./tar.ts";

export interface OciImage {
  /** Full names, all of the same image: `docker.io/library/busybox:latest`. */
  readonly names: readonly string[];
  /** As in the image's configuration: `amd64`. */
  readonly architecture: string;
  readonly files: readonly TarEntry[];
  readonly command: readonly string[];
  /** `NAME=value` */
  readonly environment: readonly string[];
  /** By name: `SIGQUIT`. Default: SIGTERM. */
  readonly stopSignal?: string;
  /** `80/tcp`; tells people and does nothing. */
  readonly exposedPorts?: readonly string[];
}

export interface OciArchive {
  /** Digest of the manifest: the image's identity, `sha256:…`. */
  readonly digest: string;
  readonly bytes: Buffer;
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

const CREATED = "2000-01-01T00:00:00Z";

export function ociArchive(image: OciImage): OciArchive {
  const layer = blob("application/vnd.oci.image.layer.v1.tar", tarArchive(image.files));
  const config = jsonBlob("application/vnd.oci.image.config.v1+json", {
    created: CREATED,
    architecture: image.architecture,
    os: "linux",
    config: {
      ...(image.exposedPorts && { ExposedPorts: Object.fromEntries(image.exposedPorts.map((port) => [port, {}])) }),
      Env: image.environment,
      Cmd: image.command,
      ...(image.stopSignal !== undefined && { StopSignal: image.stopSignal }),
    },
    rootfs: { type: "layers", diff_ids: [layer.descriptor.digest] },
    history: [{ created: CREATED, created_by: "podwire" }],
  });
  const manifest = jsonBlob("application/vnd.oci.image.manifest.v1+json", {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: config.descriptor,
    layers: [layer.descriptor],
  });
  const index = {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: image.names.map((name) => ({
      ...manifest.descriptor,
      platform: { architecture: image.architecture, os: "linux" },
      annotations: { "io.containerd.image.name": name, "org.opencontainers.image.ref.name": tagOf(name) },
    })),
  };
  const bytes = tarArchive([
    { kind: "file", path: "oci-layout", content: json({ imageLayoutVersion: "1.0.0" }) },
    { kind: "file", path: "index.json", content: json(index) },
    { kind: "folder", path: "blobs" },
    { kind: "folder", path: "blobs/sha256" },
    ...[layer, config, manifest].map(({ descriptor, content }) => ({
      kind: "file" as const,
      path: `blobs/${descriptor.digest.replace(":", "/")}`,
      content,
    })),
  ]);
  return { digest: manifest.descriptor.digest, bytes };
}

function blob(mediaType: string, content: Buffer): { readonly descriptor: Descriptor; readonly content: Buffer } {
  const digest = `sha256:${createHash("sha256").update(content).digest("hex")}`;
  return { descriptor: { mediaType, digest, size: content.length }, content };
}

function jsonBlob(mediaType: string, value: object) {
  return blob(mediaType, json(value));
}

function json(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function tagOf(name: string): string {
  const tag = name.slice(name.lastIndexOf("/") + 1).split(":")[1];
  if (tag === undefined) throw new Error(`Cannot write image "${name}": the name has no tag`);
  return tag;
}
