/**
 * JSON from a client becomes an object of a kind: every member has its schema's type, nulls are gone, times and
 * quantities are in the form that the server keeps. What the schema does not know is left out and reported, so that
 * the caller can refuse it (fieldValidation=Strict), warn or be silent. Texts are those of the Kubernetes API server.
 * Source: Kubernetes documentation, "Server side field validation"; messages of encoding/json.
 */
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";
import { type ApiError, badRequestError } from "../api-error.ts";
import { apiVersionOf, type CustomRules, type Kind, type KindNames } from "../kind.ts";
import { objectMeta } from "../meta/object-meta.ts";
import { type Decoding, decoderOf } from "./decode-value.ts";
import { goValue } from "./go-type.ts";
import type { MutableJsonObject } from "./json-member.ts";
import type { Schema, ValueOf } from "./schema.ts";

/** `strictErrors`: `unknown field "spec.bogus"`, in the order of the text. */
export interface DecodedObject<O> {
  readonly object: O;
  readonly strictErrors: readonly string[];
}

/** Throws ApiError 400. Absent apiVersion, kind and metadata are filled in. */
export function decodeObject<O>(kind: Kind<O>, body: JsonValue): DecodedObject<O> {
  // For Go null is nothing to read.
  const value = body ?? {};
  if (!isJsonObject(value))
    throw unrecognizedError(kind, value, `json: cannot unmarshal ${goValue(value)} into Go value of type ${TYPE_META}`);
  requireKind(kind, textOf(kind, value, "apiVersion"), textOf(kind, value, "kind"));
  const strictErrors: string[] = [];
  const at: Decoding = {
    fail: (problem) => badRequestError(`${cannotHandle(kind)}: ${problem}`),
    path: [],
    struct: "",
    strictErrors,
  };
  // An object's decoder gives an object.
  const decoded = (
    kind.custom === undefined ? decoderOf(kind.schema)(value, at) : decodeCustom(kind.custom, value, at)
  ) as MutableJsonObject;
  decoded["apiVersion"] = apiVersionOf(kind);
  decoded["kind"] = kind.kind;
  if (kind.schema.fields["metadata"] !== undefined) decoded["metadata"] ??= {};
  // The decoder has checked every member against the schema that O comes from.
  return { object: decoded as O, strictErrors };
}

/** Of a custom object only the metadata has a form that is known here. */
function decodeCustom(rules: CustomRules, value: JsonObject, at: Decoding): MutableJsonObject {
  const pruned = rules.prune(value);
  at.strictErrors.push(...pruned.unknown.map((path) => `unknown field ${JSON.stringify(path)}`));
  // Members that are undefined stay so; nobody sees the difference.
  const { metadata, ...rest } = pruned.value as MutableJsonObject;
  if (metadata === undefined || metadata === null) return rest;
  at.path.push("metadata");
  return { ...rest, metadata: decoderOf(objectMeta)(metadata, at) };
}

/** As `decodeObject`, for any part of an object. `path` stands before the fields in strict errors. */
export function decodeValue<S extends Schema>(
  schema: S,
  value: JsonValue,
  path = "",
): { readonly value: ValueOf<S>; readonly strictErrors: readonly string[] } {
  const strictErrors: string[] = [];
  const at: Decoding = { fail: badRequestError, path: path === "" ? [] : [path], struct: "", strictErrors };
  // The decoder has checked every member against the schema.
  return { value: decoderOf(schema)(value, at) as ValueOf<S>, strictErrors };
}

/** What fieldValidation=Strict gives: `Pod in version "v1" cannot be handled as a Pod: strict decoding error: …`. */
export function strictDecodingError(kind: KindNames, strictErrors: readonly string[]): ApiError {
  return badRequestError(`${cannotHandle(kind)}: strict decoding error: ${strictErrors.join(", ")}`);
}

function cannotHandle({ kind, version }: KindNames, actual: { kind: string; version: string } = { kind, version }) {
  return `${actual.kind} in version ${JSON.stringify(actual.version)} cannot be handled as a ${kind}`;
}

function requireKind(kind: KindNames, apiVersion: string, name: string): void {
  const expected = apiVersionOf(kind);
  if (name !== "" && name !== kind.kind) {
    const version = apiVersion.split("/").at(-1) ?? "";
    const group = kind.group === "" ? "core" : kind.group.split(".")[0];
    throw badRequestError(
      `${cannotHandle(kind, { kind: name, version })}: converting (${version}.${name}) to (${group}.${kind.kind}): unknown conversion`,
    );
  }
  if (apiVersion !== "" && apiVersion !== expected) {
    throw badRequestError(
      `the API version in the data (${apiVersion}) does not match the expected API version (${expected})`,
    );
  }
}

const SHOWN_BYTES = 30;
const OPEN_BRACE = 0x7b;

function unrecognizedError(kind: KindNames, value: JsonValue, problem: string): ApiError {
  const body = Buffer.from(JSON.stringify(value));
  return unrecognizedBodyError(kind, body, `couldn't get version/kind; json parse error: ${problem}`);
}

/** Shows the body as Kubernetes does: the start of an object's text, of anything else in hexadecimal. */
export function unrecognizedBodyError({ kind }: Pick<KindNames, "kind">, body: Buffer, problem: string): ApiError {
  const shown = body.subarray(0, SHOWN_BYTES).toString(body[0] === OPEN_BRACE ? "utf8" : "hex");
  const summary = body.length === 0 ? "<empty>" : body.length > SHOWN_BYTES ? `${shown} ...` : shown;
  return badRequestError(`the object provided is unrecognized (must be of type ${kind}): ${problem} (${summary})`);
}

const TYPE_META = String.raw`struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }`;

/** "" for an absent member. */
function textOf(kind: KindNames, value: JsonObject, name: "apiVersion" | "kind"): string {
  const member = value[name] ?? "";
  if (typeof member === "string") return member;
  const problem = `json: cannot unmarshal ${goValue(member)} into Go struct field .${name} of type string`;
  throw unrecognizedError(kind, value, problem);
}
