/**
 * All images that a registry serves: those that were loaded, and behind them the built-in ones. A loaded image takes the
 * place of what had its name. Loaded files lie in one folder, so they are there again after a restart.
 */
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { BUILT_IN_IMAGES, type BuiltInImage } from "./built-in-images.ts";
import { type Blob, type ImageArchive, type Manifest, openImageArchive } from "./image-archive.ts";
import {
  formatImageReference,
  type ImageReference,
  isDigest,
  parseImageReference,
  type Repository,
} from "./image-reference.ts";

export interface ImageCatalogOptions {
  /** Built images, shared by all clusters. */
  readonly cacheDir: string;
  /** Loaded images, of one cluster. */
  readonly loadedDir: string;
  readonly builtIn?: readonly BuiltInImage[];
}

export interface LoadedImage {
  /** Full names. */
  readonly names: readonly string[];
}

export interface ImageCatalog extends AsyncDisposable {
  /** Undefined when there is no such image. Rejects when it cannot be built. */
  findManifest(image: ImageReference, signal: AbortSignal): Promise<Manifest | undefined>;
  findBlob(repository: Repository, digest: string, signal: AbortSignal): Promise<Blob | undefined>;
  hasRepository(repository: Repository): boolean;
  /** Full names with tags, built-in ones by one of their tags. */
  names(): readonly string[];
  /** Takes in an archive of `docker save` or `ctr images export`, compressed by gzip or not. */
  load(path: string, signal: AbortSignal): Promise<LoadedImage>;
}

export async function openImageCatalog(options: ImageCatalogOptions): Promise<ImageCatalog> {
  const { cacheDir, loadedDir, builtIn = BUILT_IN_IMAGES } = options;
  await using cleanup = new AsyncDisposableStack();
  const loaded: ImageArchive[] = [];
  for (const folder of [cacheDir, loadedDir]) await mkdir(folder, { recursive: true });
  for (const path of await archivesIn(loadedDir)) loaded.unshift(cleanup.use(await openImageArchive(path)));

  const built = new Map<BuiltInImage, Promise<ImageArchive>>();
  /** Once, for as long as the catalog is open; but a failure is no answer for the next who asks. */
  const archiveOf = (image: BuiltInImage, signal: AbortSignal): Promise<ImageArchive> => {
    const known = built.get(image);
    if (known !== undefined) return known;
    const archive = image.build(cacheDir, signal).then(async ({ path }) => owned.use(await openImageArchive(path)));
    built.set(image, archive);
    archive.catch(() => built.delete(image));
    return archive;
  };
  const builtInOf = (repository: Repository) => builtIn.find((image) => image.repositories.some(isSame(repository)));
  const owned = cleanup.move();

  return {
    async findManifest(image, signal) {
      const digest = isDigest(image.reference) ? image.reference : nameIn(loaded, image);
      if (digest !== undefined) {
        const manifest = loaded.map(({ manifests }) => manifests.get(digest)).find((found) => found !== undefined);
        if (manifest !== undefined) return manifest;
      }
      const fallback = builtInOf(image);
      if (fallback === undefined) return undefined;
      if (digest === undefined && !fallback.tags.test(image.reference)) return undefined;
      const { names, manifests } = await archiveOf(fallback, signal);
      return manifests.get(digest ?? [...names.values()][0] ?? "");
    },
    async findBlob(repository, digest, signal) {
      const blob = loaded.map(({ blobs }) => blobs.get(digest)).find((found) => found !== undefined);
      const fallback = builtInOf(repository);
      if (blob !== undefined || fallback === undefined) return blob;
      return (await archiveOf(fallback, signal)).blobs.get(digest);
    },
    hasRepository: (repository) =>
      builtInOf(repository) !== undefined ||
      loaded.some(({ names }) => [...names.keys()].map(parseImageReference).some(isSame(repository))),
    names: () => [
      ...new Set([
        ...loaded.flatMap(({ names }) => [...names.keys()]),
        ...builtIn.flatMap(({ repositories, listedTag }) =>
          repositories.map((repository) => formatImageReference({ ...repository, reference: listedTag })),
        ),
      ]),
    ],
    async load(path, signal) {
      const archive = owned.use(await openImageArchive(await takeIn(path, loadedDir, signal)));
      loaded.unshift(archive);
      return { names: [...archive.names.keys()] };
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function nameIn(archives: readonly ImageArchive[], image: ImageReference): string | undefined {
  const name = formatImageReference(image);
  return archives.map(({ names }) => names.get(name)).find((digest) => digest !== undefined);
}

function isSame({ registry, repository }: Repository): (other: Repository) => boolean {
  return (other) => other.registry === registry && other.repository === repository;
}

/** The oldest first. */
async function archivesIn(folder: string): Promise<readonly string[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".tar"));
  const files = await Promise.all(
    names.map(async (name) => ({ path: join(folder, name), mtimeMs: (await stat(join(folder, name))).mtimeMs })),
  );
  return files.toSorted((a, b) => a.mtimeMs - b.mtimeMs).map(({ path }) => path);
}

/** Copies the file, named for its content; it is an image archive, or nothing is left behind. */
async function takeIn(path: string, folder: string, signal: AbortSignal): Promise<string> {
  const draft = join(folder, `${process.pid}-${performance.now()}.draft`);
  try {
    const isCompressed = await isGzip(path);
    const hash = createHash("sha256");
    const source = createReadStream(path);
    const tapped = async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        hash.update(chunk);
        yield chunk;
      }
    };
    const target = createWriteStream(draft);
    if (isCompressed) await pipeline(source, createGunzip(), tapped, target, { signal });
    else await pipeline(source, tapped, target, { signal });
    await using _check = await openImageArchive(draft);
    const place = join(folder, `${hash.digest("hex").slice(0, 16)}.tar`);
    await rename(draft, place);
    return place;
  } catch (cause) {
    signal.throwIfAborted();
    const why = cause instanceof Error ? cause.message.replace(`"${draft}"`, `"${path}"`) : String(cause);
    throw new Error(why.startsWith("Cannot ") ? why : `Cannot load image archive "${path}": ${why}`, { cause });
  } finally {
    await rm(draft, { force: true });
  }
}

async function isGzip(path: string): Promise<boolean> {
  await using file = await open(path);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0);
  return bytesRead === 2 && buffer.readUInt16BE(0) === 0x1f8b;
}
