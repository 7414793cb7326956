/**
 * A codec says once how a value lies in memory; size, writing and reading follow from it.
 * Codecs are plain objects, composed by functions (struct, list, …); there are no classes.
 * Readers never look past `end` and throw only `DecodeError`.
 */

export interface Codec<T> {
  /** Bytes that `write` uses for this value. */
  size(value: T): number;
  /** Writes at `offset`; the caller has reserved `size(value)` zeroed bytes. */
  write(bytes: Buffer, offset: number, value: T): void;
  /** Reads the value that fills `offset` to `end`, or starts at `offset` when its size is fixed. */
  read(bytes: Buffer, offset: number, end: number): T;
}

/** A codec whose values all have the same size, so that another value can follow. */
export interface FixedCodec<T> extends Codec<T> {
  readonly bytes: number;
}

export type ValueOf<C> = C extends Codec<infer T> ? T : never;

export class DecodeError extends Error {
  override readonly name = "DecodeError";
  readonly what: string;
  /** Bytes from the start of the buffer that was read. */
  readonly offset: number;

  constructor(what: string, offset: number, reason: string) {
    super(`Cannot decode ${what} at byte ${offset}: ${reason}`);
    this.what = what;
    this.offset = offset;
  }
}

export function encode<T>(codec: Codec<T>, value: T): Buffer {
  const bytes = Buffer.alloc(codec.size(value));
  codec.write(bytes, 0, value);
  return bytes;
}

export function decode<T>(codec: Codec<T>, bytes: Buffer): T {
  return codec.read(bytes, 0, bytes.length);
}

export function requireBytes(what: string, needed: number, offset: number, end: number): void {
  if (end - offset < needed) {
    throw new DecodeError(what, offset, `needs ${needed} bytes, has ${Math.max(0, end - offset)}`);
  }
}
