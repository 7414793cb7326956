/**
 * How Kubernetes objects are declared: one table of fields per message, from which everything else follows: the
 * TypeScript type (`ValueOf`), strict decoding and validation, defaults, patch strategies, OpenAPI and protobuf.
 * A schema is plain data; the folder's other files are functions over it.
 * Source: Kubernetes API conventions; field numbers from the generated.proto files of k8s.io/api v0.32.
 */
import type { JsonValue } from "#base/json.ts";

declare const valueType: unique symbol;

/** Carries the type of a schema's values; there is nothing at run time. */
interface Typed<out T> {
  readonly [valueType]?: T;
}

export type ValueOf<S> = S extends Typed<infer T> ? Exclude<T, undefined> : never;

/** Says what is wrong with a value, each problem as the end of a sentence: "must be no more than 63 characters". */
export type Check<T> = (value: T) => readonly string[];

export interface StringSchema<T extends string = string> extends Typed<T> {
  readonly type: "string";
  /** The only values allowed. */
  readonly values?: readonly T[];
  readonly check?: Check<string>;
}

export interface BooleanSchema extends Typed<boolean> {
  readonly type: "boolean";
}

export interface IntegerSchema extends Typed<number> {
  readonly type: "integer";
  readonly bits: 32 | 64;
  readonly min?: number;
  readonly max?: number;
}

/** A floating point number; only custom resources have them. */
export interface NumberSchema extends Typed<number> {
  readonly type: "number";
  readonly min?: number;
  readonly max?: number;
}

/** Bytes: base64 in JSON. */
export interface BytesSchema extends Typed<string> {
  readonly type: "bytes";
}

/** RFC 3339 in UTC, with whole seconds (`Time`) or microseconds (`MicroTime`). */
export interface TimeSchema extends Typed<string> {
  readonly type: "time";
  readonly precision: "seconds" | "microseconds";
}

/** An amount such as "500m" or "1Gi". JSON numbers are accepted and become strings. */
export interface QuantitySchema extends Typed<string> {
  readonly type: "quantity";
}

export interface IntOrStringSchema extends Typed<number | string> {
  readonly type: "intOrString";
  readonly check?: Check<number | string>;
}

/** Any JSON. On the protobuf wire it is `RawExtension` (bytes of JSON in field 1), as is `FieldsV1`. */
export interface AnySchema extends Typed<JsonValue> {
  readonly type: "any";
}

/**
 * How two writers' lists become one. `atomic`: as a whole; `set`: by value; `map`: items are found by their keys.
 * `patchKey`: the one key that strategic merge patch uses, where it merges at all; for a set, `patchMerge`.
 */
export type ListMerge =
  | { readonly kind: "atomic" }
  | { readonly kind: "set"; readonly patchMerge: boolean }
  | { readonly kind: "map"; readonly keys: readonly string[]; readonly patchKey?: string };

export interface ListSchema<S extends Schema = Schema> extends Typed<readonly ValueOf<S>[]> {
  readonly type: "list";
  readonly item: S;
  readonly merge: ListMerge;
  /** True where strategic merge patch also drops keys that `$retainKeys` does not name (volumes). */
  readonly patchRetainKeys?: boolean;
  /** Validation refuses a value or keys that are there twice (custom resources). Built-in kinds differ: see their rules. */
  readonly isUnique?: boolean;
  readonly minItems?: number;
  readonly maxItems?: number;
}

/** String keys. */
export interface MapSchema<S extends Schema = Schema> extends Typed<Readonly<Record<string, ValueOf<S>>>> {
  readonly type: "map";
  readonly value: S;
  readonly checkKey?: Check<string>;
  /** Server-side apply owns it as a whole. */
  readonly isAtomic?: boolean;
}

export interface ObjectSchema<T = unknown> extends Typed<T> {
  readonly type: "object";
  /** As OpenAPI names it: "io.k8s.api.core.v1.Container". */
  readonly name: string;
  readonly doc: string;
  readonly fields: Fields;
  /** Server-side apply owns it as a whole (selectors, references). */
  readonly isAtomic?: boolean;
  /** Strategic merge patch drops members that `$retainKeys` does not name. */
  readonly patchRetainKeys?: boolean;
  /** Unknown members are kept: custom resources with x-kubernetes-preserve-unknown-fields. */
  readonly keepsUnknown?: boolean;
}

export type Schema =
  | StringSchema
  | BooleanSchema
  | IntegerSchema
  | NumberSchema
  | BytesSchema
  | TimeSchema
  | QuantitySchema
  | IntOrStringSchema
  | AnySchema
  | ListSchema
  | MapSchema
  | ObjectSchema;

export interface FieldOptions {
  /** Must be there and not empty, after defaults. */
  readonly required?: true;
  /** Used when the field is absent (or null). A function sees the object around it, whose own defaults are not set yet. */
  readonly default?: JsonValue | ((parent: Readonly<Record<string, JsonValue | undefined>>) => JsonValue | undefined);
  /** An update must not change it. */
  readonly immutable?: true;
  /** In Go a pointer: on the protobuf wire a zero that is there means zero, otherwise it means absent. */
  readonly pointer?: true;
}

/**
 * One member. `number` is its place on the protobuf wire; a pair is a place inside a message that JSON does not
 * show (an inlined struct): [number in the outer message, number in the inner one].
 */
export interface Field<S extends Schema = Schema> extends FieldOptions {
  readonly number: number | readonly [number, number];
  readonly schema: S;
  readonly doc: string;
}

export type Fields = Readonly<Record<string, Field>>;

type Simplify<T> = { readonly [K in keyof T]: T[K] };
export type ObjectValue<F> = Simplify<
  {
    readonly [K in keyof F as F[K] extends { readonly required: true } ? K : never]: F[K] extends Field<infer S>
      ? ValueOf<S>
      : never;
  } & {
    readonly [K in keyof F as F[K] extends { readonly required: true } ? never : K]?:
      | (F[K] extends Field<infer S> ? ValueOf<S> : never)
      | undefined;
  }
>;

export const string: StringSchema = { type: "string" };
export const boolean: BooleanSchema = { type: "boolean" };
export const int32: IntegerSchema = { type: "integer", bits: 32 };
export const int64: IntegerSchema = { type: "integer", bits: 64 };
export const bytes: BytesSchema = { type: "bytes" };
export const time: TimeSchema = { type: "time", precision: "seconds" };
export const microTime: TimeSchema = { type: "time", precision: "microseconds" };
export const quantity: QuantitySchema = { type: "quantity" };
export const intOrString: IntOrStringSchema = { type: "intOrString" };
export const any: AnySchema = { type: "any" };

/** A string that passes the check. */
export function stringOf(check: Check<string>): StringSchema {
  return { type: "string", check };
}

/** One of these strings. */
export function oneOf<const T extends readonly string[]>(...values: T): StringSchema<T[number]> {
  return { type: "string", values };
}

/** An int32 from `min` to `max`, both allowed. */
export function int32Between(min: number, max: number): IntegerSchema {
  return { type: "integer", bits: 32, min, max };
}

/** A list that is always replaced as a whole. */
export function list<S extends Schema>(item: S): ListSchema<S> {
  return { type: "list", item, merge: { kind: "atomic" } };
}

/** A list of scalars that merges by value; with `patchMerge` in strategic merge patches, too. */
export function setOf<S extends Schema>(item: S, options: { readonly patchMerge: boolean }): ListSchema<S> {
  return { type: "list", item, merge: { kind: "set", patchMerge: options.patchMerge } };
}

/** A list of objects that merge by their keys; `patchKey` is strategic merge patch's, when it merges this list. */
export function listBy<S extends Schema>(
  item: S,
  keys: readonly [string, ...string[]],
  options: { readonly patchKey?: string; readonly patchRetainKeys?: boolean; readonly isUnique?: boolean } = {},
): ListSchema<S> {
  const { patchKey, ...rest } = options;
  const merge: ListMerge = { kind: "map", keys, ...(patchKey !== undefined && { patchKey }) };
  return { type: "list", item, merge, ...rest };
}

export function mapOf<S extends Schema>(
  value: S,
  options: { readonly checkKey?: Check<string>; readonly isAtomic?: boolean } = {},
): MapSchema<S> {
  return { type: "map", value, ...options };
}

export function field<S extends Schema>(number: Field["number"], schema: S, doc: string): Field<S>;
/** NoInfer: options are what the argument says; otherwise a default that is a function has no type. */
export function field<S extends Schema, const O extends FieldOptions>(
  number: Field["number"],
  schema: S,
  doc: string,
  options: O,
): Field<S> & NoInfer<O>;
export function field(number: Field["number"], schema: Schema, doc: string, options: FieldOptions = {}): Field {
  return { number, schema, doc, ...options };
}

/** A message. `name` is OpenAPI's: "io.k8s.api.core.v1.Container". */
export function object<const F extends Fields>(
  name: string,
  doc: string,
  fields: F,
  options: { readonly isAtomic?: boolean; readonly patchRetainKeys?: boolean; readonly keepsUnknown?: boolean } = {},
): ObjectSchema<ObjectValue<F>> {
  return { type: "object", name, doc, fields, ...options };
}
