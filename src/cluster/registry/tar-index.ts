/**
 * What lies where in a tar file, without reading the contents: files of image archives are served from where they are.
 * Source: POSIX.1-2017, pax utility, "ustar Interchange Format" and "pax Header Block"; GNU tar manual, "L" entries.
 */
import type { FileHandle } from "node:fs/promises";
import { posix } from "node:path";

export interface TarMember {
  readonly offset: number;
  readonly size: number;
}

const BLOCK_BYTES = 512;
/** Names and attributes of an entry; a longer one is no image archive. */
const MAX_EXTENSION_BYTES = 1024 * 1024;

/** Files by path, with links to files resolved. Rejects what is no tar archive, or ends early. */
export async function indexTar(file: FileHandle): Promise<ReadonlyMap<string, TarMember>> {
  const { size: end } = await file.stat();
  const members = new Map<string, TarMember>();
  const links = new Map<string, string>();
  let longPath: string | undefined;
  for (let at = 0; at < end; ) {
    const block = await readAt(file, at, BLOCK_BYTES);
    if (block.every((byte) => byte === 0)) break;
    const header = readHeader(block, at);
    const offset = at + BLOCK_BYTES;
    const next = offset + Math.ceil(header.size / BLOCK_BYTES) * BLOCK_BYTES;
    if (offset + header.size > end) throw new Error(`it ends within "${header.path}"`);
    at = next;
    if (header.type === "x" || header.type === "L") {
      if (header.size > MAX_EXTENSION_BYTES) throw new Error(`the entry before byte ${next} has too long a name`);
      const text = (await readAt(file, offset, header.size)).toString("utf8");
      longPath = header.type === "L" ? text.replace(/\0.*$/s, "") : (paxPath(text) ?? longPath);
      continue;
    }
    const path = cleanPath(longPath ?? header.path);
    longPath = undefined;
    if (header.type === "0" || header.type === "\0") members.set(path, { offset, size: header.size });
    if (header.type === "1") links.set(path, cleanPath(header.target));
    if (header.type === "2") links.set(path, cleanPath(posix.join(posix.dirname(path), header.target)));
  }
  for (const [path, target] of links) {
    const member = members.get(target);
    if (member !== undefined) members.set(path, member);
  }
  return members;
}

export async function readMember(file: FileHandle, { offset, size }: TarMember): Promise<Buffer> {
  return readAt(file, offset, size);
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(buffer, filled, length - filled, position + filled);
    if (bytesRead === 0) throw new Error(`it ends at byte ${position + filled}, in the middle of an entry`);
    filled += bytesRead;
  }
  return buffer;
}

interface Header {
  readonly path: string;
  readonly size: number;
  readonly type: string;
  readonly target: string;
}

function readHeader(block: Buffer, at: number): Header {
  // The checksum counts its own field as spaces.
  const sum = block.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 0x20 : byte), 0);
  if (readNumber(block, 148, 8) !== sum) throw new Error(`there is no tar header at byte ${at}`);
  const prefix = block.toString("latin1", 257, 262) === "ustar" ? readText(block, 345, 155) : "";
  const name = readText(block, 0, 100);
  return {
    path: prefix === "" ? name : `${prefix}/${name}`,
    size: readNumber(block, 124, 12),
    type: block.toString("latin1", 156, 157),
    target: readText(block, 157, 100),
  };
}

function readText(block: Buffer, offset: number, length: number): string {
  const field = block.subarray(offset, offset + length);
  const end = field.indexOf(0);
  return field.toString("utf8", 0, end < 0 ? length : end);
}

/** Octal digits; GNU writes sizes from 8 GiB in binary, marked by the first bit. */
function readNumber(block: Buffer, offset: number, length: number): number {
  if (((block[offset] ?? 0) & 0x80) !== 0) return block.readUIntBE(offset + length - 6, 6);
  const digits = readText(block, offset, length).trim();
  return /^[0-7]*$/.test(digits) ? Number.parseInt(digits || "0", 8) : Number.NaN;
}

/** Records are `LENGTH KEY=VALUE\n`. */
function paxPath(text: string): string | undefined {
  return /(?:^|\n)\d+ path=([^\n]*)\n/.exec(text)?.[1];
}

/** `./blobs/x` and `blobs/x` are the same. */
function cleanPath(path: string): string {
  return posix.normalize(path).replace(/^\.?\/+/, "");
}
