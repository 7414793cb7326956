/**
 * A C struct: fields of fixed size one after the other, in the order of the declaration.
 * Padding is a field of its own whose name starts with `_`; such fields are no part of the value.
 */
import { type FixedCodec, requireBytes, type ValueOf } from "./codec.ts";

type Fields = Readonly<Record<string, FixedCodec<never>>>;

export type StructValue<F> = {
  readonly [K in keyof F as K extends `_${string}` ? never : K]: ValueOf<F[K]>;
};

export function struct<const F extends { readonly [K in keyof F]: FixedCodec<ValueOf<F[K]>> }>(
  what: string,
  fields: F,
): FixedCodec<StructValue<F>> {
  // The entries of a mapped type lose the link between key and codec; struct's own signature restores it.
  const entries = Object.entries(fields) as [string, Fields[string]][];
  const bytes = entries.reduce((sum, [, codec]) => sum + codec.bytes, 0);
  return {
    bytes,
    size: () => bytes,
    write(buffer, offset, value) {
      let at = offset;
      const values = value as Readonly<Record<string, never>>;
      for (const [name, codec] of entries) {
        if (!name.startsWith("_")) codec.write(buffer, at, values[name] as never);
        at += codec.bytes;
      }
    },
    read(buffer, offset, end) {
      requireBytes(what, bytes, offset, end);
      const value: Record<string, unknown> = {};
      let at = offset;
      for (const [name, codec] of entries) {
        if (!name.startsWith("_")) value[name] = codec.read(buffer, at, end);
        at += codec.bytes;
      }
      return value as StructValue<F>;
    },
  };
}
