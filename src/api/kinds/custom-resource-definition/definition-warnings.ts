/** What a client should know of a CustomResourceDefinition that is accepted. */
import { isJsonObject } from "#base/json.ts";
import { additionalOf, type JsonSchemaProps } from "../../json-schema/json-schema-props.ts";
import { findStringFormat } from "../../json-schema/string-formats.ts";
import { jsonEqual } from "../../schema/json-equal.ts";
import type { CustomResourceDefinition } from "./definition-spec.ts";

/** Only what is new since `old`. */
export function definitionWarnings(
  next: CustomResourceDefinition,
  old: CustomResourceDefinition | undefined,
): readonly string[] {
  // Definitions are decoded from JSON; most updates change the metadata or the status only.
  if (old !== undefined && jsonEqual(next.spec as never, old.spec as never)) return [];
  const known = new Set(old === undefined ? [] : warningsOf(old));
  return [...new Set(warningsOf(next))].filter((text) => !known.has(text));
}

function warningsOf({ spec }: CustomResourceDefinition): readonly string[] {
  return spec.versions.flatMap(({ name, schema }) => {
    const found: Found = { formats: new Set(), rules: 0 };
    if (schema?.openAPIV3Schema !== undefined) collect(schema.openAPIV3Schema, found);
    const { formats, rules } = found;
    return [
      ...[...formats].map((format) => `unrecognized format ${JSON.stringify(format)}`),
      ...(rules === 0
        ? []
        : [
            `version ${name}: ${rules} x-kubernetes-validations ${rules === 1 ? "rule is" : "rules are"} kept, but not evaluated by this API server`,
          ]),
    ];
  });
}

interface Found {
  readonly formats: Set<string>;
  rules: number;
}

const NUMBER_FORMATS: Readonly<Record<string, readonly string[]>> = {
  integer: ["int32", "int64"],
  number: ["float", "double"],
};

function collect(schema: JsonSchemaProps, found: Found): void {
  const { type = "", format = "", properties = {}, items, not, allOf = [], anyOf = [], oneOf = [] } = schema;
  const isString = type === "" || type === "string";
  const isKnown = isString ? findStringFormat(format) !== undefined : NUMBER_FORMATS[type]?.includes(format) === true;
  if (format !== "" && !isKnown) found.formats.add(format);
  found.rules += schema["x-kubernetes-validations"]?.length ?? 0;
  const additional = isJsonObject(schema.additionalProperties) ? additionalOf(schema) : undefined;
  const parts = [...Object.values(properties), items, not, additional, ...allOf, ...anyOf, ...oneOf];
  for (const part of parts) if (part !== undefined) collect(part, found);
}
