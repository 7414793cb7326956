/**
 * Writes tar archives in the ustar format, in memory. The same entries always give the same bytes:
 * owner and time are fixed. Source: POSIX.1-2017, pax utility, "ustar Interchange Format".
 */

export type TarEntry =
  | { readonly kind: "file"; readonly path: string; readonly content: Uint8Array; readonly mode?: number }
  | { readonly kind: "folder"; readonly path: string; readonly mode?: number }
  | { readonly kind: "symlink"; readonly path: string; readonly target: string };

const BLOCK_BYTES = 512;
/** Seconds since 1970: 2000-01-01. An entry from 1970 looks broken to some readers. */
const MODIFIED_AT = 946_684_800;
const TYPE_FLAG = { file: "0", symlink: "2", folder: "5" } as const;
const DEFAULT_MODE = { file: 0o644, symlink: 0o777, folder: 0o755 } as const;

export function tarArchive(entries: readonly TarEntry[]): Buffer {
  const blocks = entries.flatMap((entry) => {
    const content = entry.kind === "file" ? entry.content : Buffer.alloc(0);
    return [header(entry, content.length), content, Buffer.alloc(-content.length & (BLOCK_BYTES - 1))];
  });
  // The end is marked by two empty blocks.
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK_BYTES)]);
}

function header(entry: TarEntry, size: number): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  const path = entry.kind === "folder" && !entry.path.endsWith("/") ? `${entry.path}/` : entry.path;
  const mode = entry.kind === "symlink" ? DEFAULT_MODE.symlink : (entry.mode ?? DEFAULT_MODE[entry.kind]);
  writeText(block, { what: "path", text: path, offset: 0, bytes: 100 });
  writeOctal(block, { what: "mode", value: mode, offset: 100, bytes: 8 });
  writeOctal(block, { what: "owner", value: 0, offset: 108, bytes: 8 });
  writeOctal(block, { what: "group", value: 0, offset: 116, bytes: 8 });
  writeOctal(block, { what: "size", value: size, offset: 124, bytes: 12 });
  writeOctal(block, { what: "time", value: MODIFIED_AT, offset: 136, bytes: 12 });
  block.write(TYPE_FLAG[entry.kind], 156, "latin1");
  if (entry.kind === "symlink") writeText(block, { what: "target", text: entry.target, offset: 157, bytes: 100 });
  block.write("ustar\x0000", 257, "latin1");
  // The checksum counts its own field as spaces.
  block.fill(" ", 148, 156);
  const checksum = block.reduce((sum, byte) => sum + byte, 0);
  block.write(`${checksum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

interface Place {
  readonly what: string;
  readonly offset: number;
  readonly bytes: number;
}

function writeText(block: Buffer, { what, text, offset, bytes }: Place & { readonly text: string }): void {
  if (Buffer.byteLength(text) > bytes || text.includes("\0")) {
    throw new RangeError(`Cannot write ${what} "${text}" to a tar archive: it has at most ${bytes} bytes and no NUL`);
  }
  block.write(text, offset, "utf8");
}

function writeOctal(block: Buffer, { what, value, offset, bytes }: Place & { readonly value: number }): void {
  const digits = value.toString(8).padStart(bytes - 1, "0");
  if (digits.length >= bytes) throw new RangeError(`Cannot write ${what} ${value} to a tar archive: it is too large`);
  block.write(digits, offset, "latin1");
}
