/**
 * An image archive as a registry sees it: names, manifests and blobs. Blobs stay where they are in the file.
 * Reads the OCI image layout (`ctr images export`, docker save since 25, our own) and Docker's older archives, for which
 * the manifest is written here. Sources: OCI Image Format 1.1, image-layout.md; Docker Image Specification v1.2.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import type { Readable } from "node:stream";
import { isJsonObject, type JsonObject } from "#base/json.ts";
import { formatImageReference, isDigest, parseImageReference } from "./image-reference.ts";
import { indexTar, readMember, type TarMember } from "./tar-index.ts";

export interface Manifest {
  readonly digest: string;
  readonly mediaType: string;
  readonly bytes: Buffer;
}

export interface Blob {
  readonly size: number;
  /** First and last byte, both included. */
  read(first: number, last: number): Readable;
}

export interface ImageArchive extends AsyncDisposable {
  /** Full names, each with the digest of its manifest. */
  readonly names: ReadonlyMap<string, string>;
  /** By digest; indexes of several platforms too. */
  readonly manifests: ReadonlyMap<string, Manifest>;
  readonly blobs: ReadonlyMap<string, Blob>;
}

const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const OCI_CONFIG = "application/vnd.oci.image.config.v1+json";
const OCI_LAYER = "application/vnd.oci.image.layer.v1.tar";
const DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";
const INDEX_TYPES: readonly string[] = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
];
const MANIFEST_TYPES: readonly string[] = [OCI_MANIFEST, DOCKER_MANIFEST, ...INDEX_TYPES];
/** Of a document that is read into memory. */
const MAX_DOCUMENT_BYTES = 8 * 1024 * 1024;

export async function openImageArchive(path: string): Promise<ImageArchive> {
  await using cleanup = new AsyncDisposableStack();
  try {
    const file = cleanup.use(await open(path));
    const archive = await readArchive({ file, members: await indexTar(file) });
    const owned = cleanup.move();
    return { ...archive, [Symbol.asyncDispose]: () => owned.disposeAsync() };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`Cannot read image archive "${path}": ${why}`, { cause });
  }
}

interface Contents {
  readonly file: FileHandle;
  readonly members: ReadonlyMap<string, TarMember>;
}

type Images = Omit<ImageArchive, typeof Symbol.asyncDispose>;

async function readArchive(contents: Contents): Promise<Images> {
  const has = (path: string): boolean => contents.members.has(path);
  if (!has("index.json") && !has("manifest.json")) {
    throw new Error("it holds neither index.json (OCI image layout) nor manifest.json (docker save)");
  }
  // Some archives are both, and only one of the two knows names.
  const layout = has("index.json") ? await readLayout(contents) : undefined;
  const hasNames = layout !== undefined && layout.names.size > 0;
  const images = !hasNames && has("manifest.json") ? await readDockerArchive(contents) : layout;
  if (images === undefined || images.names.size === 0) {
    throw new Error("no image in it has a name: save it by name and tag, not by its id");
  }
  return images;
}

async function readLayout({ file, members }: Contents): Promise<Images> {
  const index = await readJson({ file, members }, "index.json");
  const names = new Map<string, string>();
  const manifests = new Map<string, Manifest>();
  const descriptors = listOf(index["manifests"]);
  for (const descriptor of descriptors) {
    const digest = textOf(descriptor["digest"]);
    await readManifests({ file, members }, descriptor, manifests);
    if (!manifests.has(digest)) throw new Error(`it lacks manifest ${digest}`);
    const name = nameOf(descriptor);
    if (name !== undefined) names.set(formatImageReference(parseImageReference(name)), digest);
  }
  const blobs = new Map<string, Blob>();
  for (const [path, member] of members) {
    const digest = path.replace(/^blobs\/([^/]+)\//, "$1:");
    if (isDigest(digest)) blobs.set(digest, blobOf(file, member));
  }
  requireOnePlatform(manifests, blobs);
  return { names, manifests, blobs };
}

/** What containerd and Docker write; a tag alone is no name. */
function nameOf(descriptor: JsonObject): string | undefined {
  const annotations = isJsonObject(descriptor["annotations"]) ? descriptor["annotations"] : {};
  const name = annotations["io.containerd.image.name"] ?? annotations["org.opencontainers.image.ref.name"];
  return typeof name === "string" && (name.includes("/") || name.includes(":")) ? name : undefined;
}

/** Follows indexes. Platforms whose manifests are not in the archive are left out. */
async function readManifests(contents: Contents, descriptor: JsonObject, found: Map<string, Manifest>): Promise<void> {
  const digest = textOf(descriptor["digest"]);
  const member = contents.members.get(`blobs/${digest.replace(":", "/")}`);
  if (member === undefined || found.has(digest)) return;
  const bytes = await readDocument(contents.file, member, digest);
  if (`sha256:${sha256(bytes)}` !== digest)
    throw new Error(`manifest ${digest} has other content than its digest says`);
  const document = parseDocument(bytes, digest);
  const mediaType = textOf(document["mediaType"] ?? descriptor["mediaType"]);
  if (!MANIFEST_TYPES.includes(mediaType)) return;
  found.set(digest, { digest, mediaType, bytes });
  if (!INDEX_TYPES.includes(mediaType)) return;
  for (const inner of listOf(document["manifests"])) await readManifests(contents, inner, found);
}

/** An archive of one platform may list others; one has to be whole. */
function requireOnePlatform(manifests: ReadonlyMap<string, Manifest>, blobs: ReadonlyMap<string, Blob>): void {
  const missing = [...manifests.values()]
    .filter(({ mediaType }) => !INDEX_TYPES.includes(mediaType))
    .map(({ bytes, digest }) => {
      const document = parseDocument(bytes, digest);
      const config = isJsonObject(document["config"]) ? [document["config"]] : [];
      const parts = [...config, ...listOf(document["layers"])].map((part) => textOf(part["digest"]));
      return parts.filter((part) => !blobs.has(part));
    });
  if (manifests.size === 0 || missing.some((parts) => parts.length === 0)) return;
  throw new Error(`it is incomplete: it lacks blob ${missing.flat()[0] ?? "and manifest of any platform"}`);
}

async function readDockerArchive({ file, members }: Contents): Promise<Images> {
  const names = new Map<string, string>();
  const manifests = new Map<string, Manifest>();
  const blobs = new Map<string, Blob>();
  const addBlob = async (path: string, mediaType: string) => {
    const member = members.get(path);
    if (member === undefined) throw new Error(`it is incomplete: it lacks "${path}"`);
    const digest = `sha256:${await hashMember(file, member)}`;
    blobs.set(digest, blobOf(file, member));
    return { mediaType, digest, size: member.size };
  };
  for (const image of listOf(await readValue({ file, members }, "manifest.json"))) {
    const config = await addBlob(textOf(image["Config"]), OCI_CONFIG);
    const layers = [];
    for (const path of textsOf(image["Layers"])) layers.push(await addBlob(path, OCI_LAYER));
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers }));
    const digest = `sha256:${sha256(bytes)}`;
    manifests.set(digest, { digest, mediaType: OCI_MANIFEST, bytes });
    for (const name of textsOf(image["RepoTags"])) {
      names.set(formatImageReference(parseImageReference(name)), digest);
    }
  }
  return { names, manifests, blobs };
}

function blobOf(file: FileHandle, { offset, size }: TarMember): Blob {
  return {
    size,
    read: (first, last) =>
      createReadStream("", { fd: file.fd, autoClose: false, start: offset + first, end: offset + last }),
  };
}

async function hashMember(file: FileHandle, member: TarMember): Promise<string> {
  const hash = createHash("sha256");
  if (member.size > 0) for await (const chunk of blobOf(file, member).read(0, member.size - 1)) hash.update(chunk);
  return hash.digest("hex");
}

async function readJson(contents: Contents, path: string): Promise<JsonObject> {
  const value = await readValue(contents, path);
  if (!isJsonObject(value)) throw new Error(`"${path}" holds no JSON object`);
  return value;
}

async function readValue({ file, members }: Contents, path: string): Promise<unknown> {
  const member = members.get(path);
  if (member === undefined) throw new Error(`it lacks "${path}"`);
  return parseJson(await readDocument(file, member, path), path);
}

async function readDocument(file: FileHandle, member: TarMember, what: string): Promise<Buffer> {
  if (member.size > MAX_DOCUMENT_BYTES) throw new Error(`"${what}" is too long: ${member.size} bytes`);
  return readMember(file, member);
}

function parseDocument(bytes: Buffer, what: string): JsonObject {
  const value = parseJson(bytes, what);
  if (!isJsonObject(value)) throw new Error(`"${what}" holds no JSON object`);
  return value;
}

function parseJson(bytes: Buffer, what: string): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch (cause) {
    throw new Error(`"${what}" holds no JSON`, { cause });
  }
}

function listOf(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
