/**
 * The checks that a schema declares: what must be there, ranges, allowed values, keys, lengths of lists, items that
 * are there twice. Each schema is compiled once; parts without checks cost nothing. Values are decoded already, so
 * their types are right. Texts are those of Kubernetes' validation.
 */
import type { JsonObject, JsonValue } from "#base/json.ts";
import { type FieldError, invalid, notSupported, required, tooMany } from "../field-error.ts";
import { objectMeta } from "../meta/object-meta.ts";
import { checkLabelValue } from "../names.ts";
import { type FieldPath, formatPath } from "./field-path.ts";
import { checkDuplicates } from "./list-duplicates.ts";
import { perSchema } from "./per-schema.ts";
import type { Field, ListSchema, MapSchema, ObjectSchema, Schema } from "./schema.ts";
import { validateTemplateMeta } from "./validate-meta.ts";

export interface Findings {
  readonly errors: FieldError[];
  /** Set when a field that must be there is not, or has none of its values: the object has not its type. */
  isIllTyped: boolean;
}

export type Validate = (value: JsonValue, path: FieldPath, findings: Findings) => void;

/** undefined: there is nothing to check. */
export const validatorOf: (schema: Schema) => Validate | undefined = perSchema<Validate | undefined>(
  (schema) => {
    switch (schema.type) {
      case "string":
        return schema.values === undefined ? checkValidator(schema.check) : valuesValidator(schema.values);
      case "intOrString":
        return checkValidator(schema.check);
      case "integer":
      case "number":
        return rangeValidator(schema.min, schema.max);
      case "list":
        return listValidator(schema);
      case "map":
        return mapValidator(schema);
      case "object":
        return schema === (objectMeta as Schema) ? validateNestedMeta : objectValidator(schema);
      case "boolean":
      case "bytes":
      case "time":
      case "quantity":
      case "any":
        return undefined;
      default:
        throw new TypeError(`No such schema: ${JSON.stringify(schema satisfies never)}`);
    }
  },
  (find) => (value, path, findings) => find()?.(value, path, findings),
);

/** The object's own metadata has rules that depend on its kind. */
const validateNestedMeta: Validate = (value, path, findings) => {
  if (path.length > 1)
    findings.errors.push(...validateTemplateMeta(value as JsonObject, formatPath(path.slice(0, -1))));
};

function checkValidator<T>(check: ((value: T) => readonly string[]) | undefined): Validate | undefined {
  if (check === undefined) return undefined;
  return (value, path, { errors }) => {
    // The value is decoded: it has its schema's type.
    const problems = check(value as T);
    for (const problem of problems) errors.push(invalid(formatPath(path), value, problem));
  };
}

function valuesValidator(values: readonly string[]): Validate {
  const allowed = new Set<JsonValue>(values);
  return (value, path, findings) => {
    if (allowed.has(value)) return;
    findings.errors.push(notSupported(formatPath(path), value, values));
    findings.isIllTyped = true;
  };
}

function rangeValidator(min: number | undefined, max: number | undefined): Validate | undefined {
  if (min === undefined && max === undefined) return undefined;
  const [low, high] = [min ?? Number.NEGATIVE_INFINITY, max ?? Number.POSITIVE_INFINITY];
  const problem =
    max === undefined
      ? `must be greater than or equal to ${min}`
      : min === undefined
        ? `must be less than or equal to ${max}`
        : `must be between ${min} and ${max}, inclusive`;
  return (value, path, { errors }) => {
    if (typeof value === "number" && (value < low || value > high))
      errors.push(invalid(formatPath(path), value, problem));
  };
}

interface Member {
  readonly name: string;
  readonly segment: string;
  readonly isRequired: boolean;
  /** It must be there, but may be empty: its default is. */
  readonly mayBeEmpty: boolean;
  /** "" is none of its values. */
  readonly hasValues: boolean;
  readonly validate: Validate | undefined;
}

function objectValidator(schema: ObjectSchema): Validate | undefined {
  const members = Object.entries(schema.fields)
    .map(([name, field]) => memberOf(name, field))
    .filter(({ isRequired, validate }) => isRequired || validate !== undefined);
  if (members.length === 0) return undefined;
  return (value, path, findings) => {
    // The value is decoded: it has its schema's type.
    const object = value as JsonObject;
    for (const { name, segment, isRequired, mayBeEmpty, hasValues, validate } of members) {
      const member = object[name];
      if (isRequired && (member === undefined || (!mayBeEmpty && isEmpty(member)))) {
        findings.errors.push(required(formatPath([...path, segment])));
        findings.isIllTyped ||= member === undefined || hasValues;
      } else if (validate !== undefined && member !== undefined) {
        path.push(segment);
        validate(member, path, findings);
        path.pop();
      }
    }
  };
}

function memberOf(name: string, field: Field): Member {
  return {
    name,
    segment: `.${name}`,
    isRequired: field.required === true,
    mayBeEmpty: field.default !== undefined && typeof field.default !== "function" && isEmpty(field.default),
    hasValues: field.schema.type === "string" && field.schema.values !== undefined,
    validate: validatorOf(field.schema),
  };
}

function isEmpty(value: JsonValue): boolean {
  return value === "" || (Array.isArray(value) && value.length === 0);
}

function listValidator(schema: ListSchema): Validate | undefined {
  const { minItems, maxItems, merge } = schema;
  const validate = validatorOf(schema.item);
  const hasDuplicatesCheck = merge.kind !== "atomic" && schema.isUnique === true;
  if (validate === undefined && !hasDuplicatesCheck && minItems === undefined && maxItems === undefined) {
    return undefined;
  }
  return (value, path, findings) => {
    const items = value as readonly JsonValue[];
    if (minItems !== undefined && items.length < minItems) {
      findings.errors.push(invalid(formatPath(path), items.length, `must have at least ${minItems} items`));
    }
    if (maxItems !== undefined && items.length > maxItems) {
      findings.errors.push(tooMany(formatPath(path), items.length, maxItems));
      return;
    }
    if (validate !== undefined) {
      let index = 0;
      for (const item of items) {
        path.push(`[${index++}]`);
        validate(item, path, findings);
        path.pop();
      }
    }
    if (hasDuplicatesCheck && items.length > 1) checkDuplicates(merge, items, path, findings.errors);
  };
}

function mapValidator(schema: MapSchema): Validate | undefined {
  const { checkKey } = schema;
  const validate = validatorOf(schema.value);
  if (checkKey === undefined && validate === undefined) return undefined;
  // Errors in labels name the map; in other maps, the member.
  const isLabels = schema.value.type === "string" && schema.value.check === checkLabelValue;
  return (value, path, findings) => {
    const map = value as JsonObject;
    for (const key in map) {
      if (!isLabels) path.push(`[${key}]`);
      const problems = checkKey?.(key) ?? [];
      for (const problem of problems) findings.errors.push(invalid(formatPath(path), key, problem));
      const member = map[key];
      if (member !== undefined) validate?.(member, path, findings);
      if (!isLabels) path.pop();
    }
  };
}
