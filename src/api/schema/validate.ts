/**
 * Whether an object may be stored: the rules of metadata, of its schema and of its kind, in this order. Objects are
 * decoded and have their defaults. Both functions give every problem that they find, in Kubernetes' words.
 */
import type { JsonObject } from "#base/json.ts";
import { describeFieldError, type FieldError } from "../field-error.ts";
import type { Kind } from "../kind.ts";
import type { ObjectMeta } from "../meta/object-meta.ts";
import { immutableFieldsOf } from "./immutable-fields.ts";
import type { ObjectSchema } from "./schema.ts";
import { validateObjectMeta, validateObjectMetaUpdate } from "./validate-meta.ts";
import { type Findings, validatorOf } from "./validate-value.ts";

/** For create and update. The kind's own rules are only asked about objects that have the kind's type. */
export function validateObject<O>(kind: Kind<O>, object: O): readonly FieldError[] {
  const findings =
    kind.custom === undefined
      ? validateFields(kind.schema, object)
      : { errors: kind.custom.check(asJson(object)), isIllTyped: false };
  const errors = [
    ...("metadata" in kind.schema.fields ? validateObjectMeta(kind, metaOf(object)) : []),
    ...findings.errors,
    ...(findings.isIllTyped ? [] : (kind.validate?.(object) ?? [])),
  ];
  return errors.length < 2 ? errors : withoutRepeats(errors);
}

/** What an update may not change; in addition to `validateObject`. `subresource` is "" or "status". */
export function validateObjectUpdate<O>(kind: Kind<O>, object: O, old: O, subresource: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  if ("metadata" in kind.schema.fields) errors.push(...validateObjectMetaUpdate(metaOf(object), metaOf(old)));
  immutableFieldsOf(kind.schema)?.(asJson(object), asJson(old), [], errors);
  if (kind.validateUpdate !== undefined && !validateFields(kind.schema, object).isIllTyped) {
    errors.push(...kind.validateUpdate(object, old, subresource));
  }
  return errors.length < 2 ? errors : withoutRepeats(errors);
}

function validateFields<O>(schema: ObjectSchema<O>, object: O): Findings {
  const findings: Findings = { errors: [], isIllTyped: false };
  validatorOf(schema)?.(asJson(object), [], findings);
  return findings;
}

/** A kind's rules may say again what the schema says. */
function withoutRepeats(errors: readonly FieldError[]): readonly FieldError[] {
  return [...new Map(errors.map((error) => [describeFieldError(error), error])).values()];
}

/** Objects of kinds are JSON: they come from the decoder. */
function asJson<O>(object: O): JsonObject {
  return object as JsonObject;
}

/** Decoded with the schema of ObjectMeta. */
function metaOf<O>(object: O): ObjectMeta {
  return (asJson(object)["metadata"] ?? {}) as ObjectMeta;
}
