/**
 * Codecs of single values. The byte order is part of the name: `be` is the wire's, `host` this machine's
 * (netlink headers and most rtnetlink attributes use the host's, nfnetlink attributes the wire's).
 */
import { endianness } from "node:os";
import { type Codec, DecodeError, type FixedCodec, requireBytes } from "./codec.ts";

const hostIsLittleEndian = endianness() === "LE";

function fixed<T>(
  what: string,
  bytes: number,
  write: (buffer: Buffer, offset: number, value: T) => void,
  read: (buffer: Buffer, offset: number) => T,
): FixedCodec<T> {
  return {
    bytes,
    size: () => bytes,
    write,
    read(buffer, offset, end) {
      requireBytes(what, bytes, offset, end);
      return read(buffer, offset);
    },
  };
}

export const u8: FixedCodec<number> = fixed(
  "u8",
  1,
  (b, o, v) => b.writeUInt8(v, o),
  (b, o) => b.readUInt8(o),
);
export const u16be: FixedCodec<number> = fixed(
  "u16be",
  2,
  (b, o, v) => b.writeUInt16BE(v, o),
  (b, o) => b.readUInt16BE(o),
);
export const u32be: FixedCodec<number> = fixed(
  "u32be",
  4,
  (b, o, v) => b.writeUInt32BE(v, o),
  (b, o) => b.readUInt32BE(o),
);
export const i32be: FixedCodec<number> = fixed(
  "i32be",
  4,
  (b, o, v) => b.writeInt32BE(v, o),
  (b, o) => b.readInt32BE(o),
);
export const u64be: FixedCodec<bigint> = fixed(
  "u64be",
  8,
  (b, o, v) => b.writeBigUInt64BE(v, o),
  (b, o) => b.readBigUInt64BE(o),
);

export const u16host: FixedCodec<number> = hostIsLittleEndian
  ? fixed(
      "u16host",
      2,
      (b, o, v) => b.writeUInt16LE(v, o),
      (b, o) => b.readUInt16LE(o),
    )
  : u16be;
export const u32host: FixedCodec<number> = hostIsLittleEndian
  ? fixed(
      "u32host",
      4,
      (b, o, v) => b.writeUInt32LE(v, o),
      (b, o) => b.readUInt32LE(o),
    )
  : u32be;
export const i32host: FixedCodec<number> = hostIsLittleEndian
  ? fixed(
      "i32host",
      4,
      (b, o, v) => b.writeInt32LE(v, o),
      (b, o) => b.readInt32LE(o),
    )
  : i32be;
export const u64host: FixedCodec<bigint> = hostIsLittleEndian
  ? fixed(
      "u64host",
      8,
      (b, o, v) => b.writeBigUInt64LE(v, o),
      (b, o) => b.readBigUInt64LE(o),
    )
  : u64be;

/** Bytes as they are, to the end. Reading copies: receive buffers are used again. */
export const rawBytes: Codec<Uint8Array> = {
  size: (value) => value.length,
  write(bytes, offset, value) {
    bytes.set(value, offset);
  },
  read: (bytes, offset, end) => Uint8Array.prototype.slice.call(bytes, offset, end),
};

/** Text with a NUL behind it, as C keeps it. A missing NUL is accepted on reading: some kernels leave it out. */
export const cString: Codec<string> = {
  size: (value) => Buffer.byteLength(value) + 1,
  write(bytes, offset, value) {
    bytes.write(value, offset, "utf8");
  },
  read(bytes, offset, end) {
    const nul = bytes.indexOf(0, offset);
    return bytes.toString("utf8", offset, nul === -1 || nul > end ? end : nul);
  },
};

/** Presence alone is the value: an attribute without payload. */
export const presence: FixedCodec<true> = {
  bytes: 0,
  size: () => 0,
  write: () => undefined,
  read: () => true,
};

/** Exactly `count` bytes, such as a hardware address. */
export function byteArray(count: number): FixedCodec<Uint8Array> {
  return {
    bytes: count,
    size: () => count,
    write(bytes, offset, value) {
      if (value.length !== count) throw new RangeError(`Cannot encode ${value.length} bytes: the field has ${count}`);
      bytes.set(value, offset);
    },
    read(bytes, offset, end) {
      requireBytes(`${count} bytes`, count, offset, end);
      return Uint8Array.prototype.slice.call(bytes, offset, offset + count);
    },
  };
}

/** Unused bytes of a C struct: written as zero, skipped on reading. */
export function padding(count: number): FixedCodec<undefined> {
  return {
    bytes: count,
    size: () => count,
    write: () => undefined,
    read(_bytes, offset, end) {
      requireBytes("padding", count, offset, end);
      return undefined;
    },
  };
}

/** Same value in another form: `map(u32host, decodeFlags, encodeFlags)`. */
export function mapped<T, U>(codec: FixedCodec<T>, read: (value: T) => U, write: (value: U) => T): FixedCodec<U>;
export function mapped<T, U>(codec: Codec<T>, read: (value: T) => U, write: (value: U) => T): Codec<U>;
export function mapped<T, U>(
  codec: Codec<T> | FixedCodec<T>,
  read: (value: T) => U,
  write: (value: U) => T,
): Codec<U> | FixedCodec<U> {
  return {
    ...("bytes" in codec ? { bytes: codec.bytes } : {}),
    size: (value) => codec.size(write(value)),
    write(bytes, offset, value) {
      codec.write(bytes, offset, write(value));
    },
    read(bytes, offset, end) {
      const value = codec.read(bytes, offset, end);
      try {
        return read(value);
      } catch (cause) {
        if (cause instanceof DecodeError) throw cause;
        throw new DecodeError("value", offset, cause instanceof Error ? cause.message : String(cause));
      }
    },
  };
}
