/**
 * The nginx image, built once per version of Debian's package. A note beside the image says what it was built from, so
 * that neither packages nor the image are read again. Where no newer version can be had, the last one serves.
 */
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, stat, utimes } from "node:fs/promises";
import { basename, join } from "node:path";
import { isJsonObject } from "#base/json.ts";
import { cachedImage, type ImageFile, readBusybox, writeWhole } from "../images.ts";
import { installedVersion, packagesChangedAtMs } from "./debian-package.ts";
import { buildNginxImage, NGINX_IMAGE, nginxRecipe, nginxVersion } from "./nginx-image.ts";

const NOTE = /^nginx-[0-9a-f]{16}\.json$/;

export async function cachedNginxImage(cacheDir: string, signal: AbortSignal): Promise<ImageFile> {
  await mkdir(cacheDir, { recursive: true });
  const newest = await newestNote(cacheDir);
  // Asking apt takes a second; nothing is new while neither its lists nor what is installed have changed.
  if (newest !== undefined && newest.checkedAtMs > (await packagesChangedAtMs())) return newest.image;
  const busybox = await installedVersion("busybox-static", signal);
  const inputs = { ...recipe(), version: await nginxVersion(signal), busybox };
  const key = createHash("sha256").update(JSON.stringify(inputs)).digest("hex").slice(0, 16);
  const notePath = join(cacheDir, `nginx-${key}.json`);
  const known = await readNote(notePath);
  if (known !== undefined) {
    await utimes(notePath, new Date(), new Date());
    return known.image;
  }
  try {
    const image = await buildNginxImage(process.arch, await readBusybox(signal), cacheDir, signal);
    const file = await cachedImage(cacheDir, image);
    const { size } = await stat(file.path);
    await writeWhole(notePath, JSON.stringify({ ...inputs, file: basename(file.path), digest: file.digest, size }));
    return file;
  } catch (error) {
    signal.throwIfAborted();
    if (newest !== undefined) return newest.image;
    throw error;
  }
}

interface Note {
  readonly checkedAtMs: number;
  readonly image: ImageFile;
}

/** What of the image does not come from packages: with another one it is built anew. */
function recipe(): Readonly<Record<string, string>> {
  return { recipe: nginxRecipe(process.arch), arch: process.arch };
}

/** Undefined when there is no such note, it is of another recipe, or its image is gone or damaged. */
async function readNote(path: string): Promise<Note | undefined> {
  try {
    const note: unknown = JSON.parse(await readFile(path, "utf8"));
    if (!isJsonObject(note)) return undefined;
    const { file, digest, size } = note;
    const isOurs = Object.entries(recipe()).every(([name, value]) => note[name] === value);
    if (!isOurs || typeof file !== "string" || typeof digest !== "string") return undefined;
    const imagePath = join(path, "..", basename(file));
    if ((await stat(imagePath)).size !== size) return undefined;
    const { mtimeMs: checkedAtMs } = await stat(path);
    return { checkedAtMs, image: { names: [NGINX_IMAGE], digest, path: imagePath } };
  } catch (error) {
    // Not there, or cut short by a full disk: it is made again.
    if (error instanceof SyntaxError || (error instanceof Error && "code" in error && error.code === "ENOENT")) {
      return undefined;
    }
    throw error;
  }
}

async function newestNote(cacheDir: string): Promise<Note | undefined> {
  const names = (await readdir(cacheDir)).filter((name) => NOTE.test(name));
  const notes = await Promise.all(names.map((name) => readNote(join(cacheDir, name))));
  return notes
    .filter((note) => note !== undefined)
    .reduce<Note | undefined>((best, note) => (best && best.checkedAtMs > note.checkedAtMs ? best : note), undefined);
}
