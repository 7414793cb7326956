/**
 * From the client's JSON to an object of the kind that its path names: decoded by the schema, with unknown fields
 * refused, told or dropped, and with names that agree with the path. The texts are the API server's.
 */
import { badRequestError } from "#api/api-error.ts";
import type { Kind, KubeObject } from "#api/kind.ts";
import { decodeObject, strictDecodingError } from "#api/schema/decode.ts";
import type { JsonValue } from "#base/json.ts";
import type { RequestContext, Target } from "./resource-api.ts";
import { withMetadata, withoutMetadata } from "./stored-object.ts";

type Reading = Pick<RequestContext, "fieldValidation" | "warn">;

/** Decodes; what is wrong with the type or with unknown fields is a 400. */
export function readObject<O extends KubeObject>(kind: Kind<O>, body: JsonValue, context: Reading): O {
  const { object, strictErrors } = decodeObject(kind, body);
  reportStrictErrors(strictErrors, context, (errors) => strictDecodingError(kind, errors));
  return object;
}

/** Warns of unknown fields, or throws what `refuse` makes of them. */
export function reportStrictErrors(
  strictErrors: readonly string[],
  { fieldValidation, warn }: Reading,
  refuse: (strictErrors: readonly string[]) => Error,
): void {
  if (strictErrors.length === 0 || fieldValidation === "Ignore") return;
  if (fieldValidation === "Strict") throw refuse(strictErrors);
  for (const text of strictErrors) warn(text);
}

/** The object with the namespace of the path; a namespace of its own must be the same. */
export function inNamespace<O extends KubeObject>(
  object: O,
  { kind, namespace }: Pick<Target, "kind" | "namespace">,
): O {
  const own = object.metadata.namespace ?? "";
  if (!kind.isNamespaced) return own === "" ? object : withoutMetadata(object, "namespace");
  if (own === namespace) return object;
  if (own !== "") {
    throw badRequestError("the namespace of the provided object does not match the namespace sent on the request");
  }
  return withMetadata(object, { namespace });
}

/** For writes to an existing object: the name must be there and be the one in the path. */
export function checkName(object: KubeObject, name: string): void {
  const own = object.metadata.name ?? "";
  if (own === "") {
    throw badRequestError(`the name of the object (${name} based on URL) was undeterminable: name must be provided`);
  }
  if (own !== name) {
    throw badRequestError(`the name of the object (${own}) does not match the name on the URL (${name})`);
  }
}
