/**
 * Compiles each schema once, at first use, into a function; also schemas that contain themselves.
 * Everything that is done per object (decoding, defaults, validation) goes through functions made here.
 */
import type { Schema } from "./schema.ts";

/**
 * `compile` may ask for the functions of the schema's parts. A part that is still being compiled is represented by
 * what `forward` makes, which may ask `find` when it is called later.
 */
export function perSchema<F>(compile: (schema: Schema) => F, forward: (find: () => F) => F): (schema: Schema) => F {
  const entries = new WeakMap<Schema, { readonly compiled: F }>();
  const find = (schema: Schema): F => {
    const known = entries.get(schema);
    if (known !== undefined) return known.compiled;
    entries.set(schema, { compiled: forward(() => find(schema)) });
    const compiled = compile(schema);
    entries.set(schema, { compiled });
    return compiled;
  };
  return find;
}
