/**
 * What may stand in allOf, anyOf, oneOf and not of a structural schema: only checks of values whose type is said
 * outside. Texts of the API server.
 */
import { childPath, type FieldError, forbidden, indexPath, invalid, keyPath, required } from "../field-error.ts";
import { goRegularExpression } from "./go-regular-expression.ts";
import type { JsonSchemaProps } from "./json-schema-props.ts";

/** Two forms in which x-kubernetes-int-or-string may say its types once more. */
export interface SkippedTypes {
  readonly skipsAnyOf: boolean;
  readonly skipsFirstAllOf: boolean;
}

const NONE: SkippedTypes = { skipsAnyOf: false, skipsFirstAllOf: false };

export function checkValueValidation(
  schema: JsonSchemaProps,
  path: string,
  { skipsAnyOf, skipsFirstAllOf }: SkippedTypes,
): readonly FieldError[] {
  return [
    ...(skipsAnyOf ? [] : nestedOf(schema, path, ["anyOf"])).flatMap((nested) =>
      checkNested(nested, schema, path, NONE),
    ),
    ...nestedOf(schema, path, ["allOf"]).flatMap((nested, index) =>
      checkNested(nested, schema, path, { skipsAnyOf: skipsFirstAllOf && index === 0, skipsFirstAllOf: false }),
    ),
    ...nestedOf(schema, path, ["oneOf", "not"]).flatMap((nested) => checkNested(nested, schema, path, NONE)),
    ...checkPattern(schema, path),
  ];
}

interface Nested {
  readonly schema: JsonSchemaProps;
  readonly path: string;
}

function nestedOf(
  schema: JsonSchemaProps,
  path: string,
  names: readonly ("anyOf" | "allOf" | "oneOf" | "not")[],
): readonly Nested[] {
  return names.flatMap((name) => {
    const where = childPath(path, name);
    if (name === "not") return schema.not === undefined ? [] : [{ schema: schema.not, path: where }];
    return (schema[name] ?? []).map((nested, index) => ({ schema: nested, path: indexPath(where, index) }));
  });
}

/** `outer`: the structural schema of the same value, at `outerPath`. */
function checkNested(
  { schema, path }: Nested,
  outer: JsonSchemaProps,
  outerPath: string,
  skipped: SkippedTypes,
): readonly FieldError[] {
  const { items, properties = {} } = schema;
  return [
    ...checkValueValidationIn(schema, path, { outer, outerPath, skipped }),
    ...(items === undefined
      ? []
      : checkPart({ schema: items, path: childPath(path, "items") }, outer.items, childPath(outerPath, "items"))),
    ...Object.entries(properties).flatMap(([name, member]) => {
      const where = keyPath(childPath(path, "properties"), name);
      const outerWhere = keyPath(childPath(outerPath, "properties"), name);
      return checkPart({ schema: member, path: where }, outer.properties?.[name], outerWhere);
    }),
    ...(properties["metadata"] === undefined
      ? []
      : [forbidden(keyPath(childPath(path, "properties"), "metadata"), "must not be specified in a nested context")]),
    ...checkForbidden(schema, path),
  ];
}

/** Schemas nested in a nested one are about the same value as the outer schema. */
function checkValueValidationIn(
  schema: JsonSchemaProps,
  path: string,
  {
    outer,
    outerPath,
    skipped,
  }: { readonly outer: JsonSchemaProps; readonly outerPath: string; readonly skipped: SkippedTypes },
): readonly FieldError[] {
  const names = skipped.skipsAnyOf
    ? (["allOf", "oneOf", "not"] as const)
    : (["anyOf", "allOf", "oneOf", "not"] as const);
  return [
    ...nestedOf(schema, path, names).flatMap((nested) => checkNested(nested, outer, outerPath, NONE)),
    ...checkPattern(schema, path),
  ];
}

function checkPart(nested: Nested, outer: JsonSchemaProps | undefined, outerPath: string): readonly FieldError[] {
  if (outer === undefined) return [required(outerPath, `because it is defined in ${nested.path}`)];
  return checkNested(nested, outer, outerPath, NONE);
}

const MUST_BE_EMPTY = ["type", "title", "description"] as const;
const MUST_BE_FALSE = [
  "nullable",
  "x-kubernetes-preserve-unknown-fields",
  "x-kubernetes-embedded-resource",
  "x-kubernetes-int-or-string",
] as const;
const MUST_BE_UNDEFINED = ["default", "x-kubernetes-list-type", "x-kubernetes-map-type"] as const;
const MUST_HAVE_NONE = ["x-kubernetes-list-map-keys", "x-kubernetes-validations"] as const;

function checkForbidden(schema: JsonSchemaProps, path: string): readonly FieldError[] {
  const refuse = (names: readonly string[], what: string): readonly FieldError[] =>
    names.map((name) => forbidden(childPath(path, name), `must be ${what} to be structural`));
  const { additionalProperties: additional = false } = schema;
  return [
    ...refuse(additional === false ? [] : ["additionalProperties"], "undefined"),
    ...refuse(
      MUST_BE_EMPTY.filter((name) => (schema[name] ?? "") !== ""),
      "empty",
    ),
    ...refuse(
      MUST_BE_UNDEFINED.filter((name) => schema[name] !== undefined),
      "undefined",
    ),
    ...refuse(
      MUST_BE_FALSE.filter((name) => schema[name] === true),
      "false",
    ),
    ...refuse(
      MUST_HAVE_NONE.filter((name) => (schema[name]?.length ?? 0) > 0),
      "empty",
    ),
  ];
}

function checkPattern({ pattern = "" }: JsonSchemaProps, path: string): readonly FieldError[] {
  if (pattern === "") return [];
  try {
    goRegularExpression(pattern);
    return [];
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const why = `must be a valid regular expression, but isn't: ${reason}`;
    return [invalid(childPath(path, "pattern"), pattern, why)];
  }
}
