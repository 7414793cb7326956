/**
 * The JSON schema inside a CustomResourceDefinition, as a message that contains itself.
 * Source: Kubernetes API reference, apiextensions.k8s.io/v1 JSONSchemaProps.
 */
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";
import {
  any,
  boolean,
  type Field,
  field,
  int64,
  list,
  listBy,
  mapOf,
  type NumberSchema,
  type ObjectSchema,
  object,
  string,
  type ValueOf,
} from "../schema/schema.ts";

const validationRule = object(
  "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.ValidationRule",
  "A rule in CEL.",
  {
    rule: field(1, string, "The expression, which must be true.", { required: true }),
    message: field(2, string, "What to say when it is not."),
    messageExpression: field(3, string, "Expression that gives the message."),
    reason: field(4, string, "Reason of the cause that is reported.", { pointer: true }),
    fieldPath: field(5, string, "Field that the cause names."),
    optionalOldSelf: field(6, boolean, "True: the rule also holds on create.", { pointer: true }),
  },
);
export type ValidationRule = ValueOf<typeof validationRule>;

const externalDocs = object(
  "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.ExternalDocumentation",
  "Where more is written.",
  { description: field(1, string, "What is written there."), url: field(2, string, "The address.") },
);

export interface JsonSchemaProps {
  readonly type?: string;
  readonly format?: string;
  readonly title?: string;
  readonly description?: string;
  readonly default?: JsonValue;
  readonly example?: JsonValue;
  readonly nullable?: boolean;
  readonly enum?: readonly JsonValue[];
  readonly maximum?: number;
  readonly exclusiveMaximum?: boolean;
  readonly minimum?: number;
  readonly exclusiveMinimum?: boolean;
  readonly multipleOf?: number;
  readonly maxLength?: number;
  readonly minLength?: number;
  readonly pattern?: string;
  readonly maxItems?: number;
  readonly minItems?: number;
  readonly uniqueItems?: boolean;
  readonly items?: JsonSchemaProps;
  readonly maxProperties?: number;
  readonly minProperties?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchemaProps>>;
  /** A boolean or a schema: see `additionalOf`. */
  readonly additionalProperties?: JsonValue;
  readonly allOf?: readonly JsonSchemaProps[];
  readonly oneOf?: readonly JsonSchemaProps[];
  readonly anyOf?: readonly JsonSchemaProps[];
  readonly not?: JsonSchemaProps;
  readonly externalDocs?: ValueOf<typeof externalDocs>;
  readonly "x-kubernetes-preserve-unknown-fields"?: boolean;
  readonly "x-kubernetes-embedded-resource"?: boolean;
  readonly "x-kubernetes-int-or-string"?: boolean;
  readonly "x-kubernetes-list-map-keys"?: readonly string[];
  readonly "x-kubernetes-list-type"?: string;
  readonly "x-kubernetes-map-type"?: string;
  readonly "x-kubernetes-validations"?: readonly ValidationRule[];
  /** The rest is known only to be refused. */
  readonly id?: string;
  readonly $schema?: string;
  readonly $ref?: string;
  readonly patternProperties?: JsonValue;
  readonly dependencies?: JsonValue;
  readonly additionalItems?: JsonValue;
  readonly definitions?: JsonValue;
}

const number: NumberSchema = { type: "number" };
const pointer = { pointer: true } as const;

const fields: Record<string, Field> = {
  id: field(1, string, "Not supported."),
  $schema: field(2, string, "Not supported."),
  $ref: field(3, string, "Not supported.", pointer),
  description: field(4, string, "What the value is for."),
  type: field(5, string, "string, number, integer, boolean, array or object."),
  format: field(6, string, "What a value of the type looks like, such as date-time."),
  title: field(7, string, "Short name of the value."),
  default: field(8, any, "Used where the value is absent."),
  maximum: field(9, number, "Largest number.", pointer),
  exclusiveMaximum: field(10, boolean, "True: the maximum itself is too large."),
  minimum: field(11, number, "Smallest number.", pointer),
  exclusiveMinimum: field(12, boolean, "True: the minimum itself is too small."),
  maxLength: field(13, int64, "Most characters.", pointer),
  minLength: field(14, int64, "Fewest characters.", pointer),
  pattern: field(15, string, "Regular expression that a string must contain a match of."),
  maxItems: field(16, int64, "Most items.", pointer),
  minItems: field(17, int64, "Fewest items.", pointer),
  uniqueItems: field(18, boolean, "Must not be true."),
  multipleOf: field(19, number, "A number must be a multiple of this one.", pointer),
  enum: field(20, list(any), "The only values allowed."),
  maxProperties: field(21, int64, "Most members.", pointer),
  minProperties: field(22, int64, "Fewest members.", pointer),
  required: field(23, list(string), "Members that must be there."),
  patternProperties: field(31, any, "Not supported."),
  dependencies: field(32, any, "Not supported."),
  additionalItems: field(33, any, "Not supported."),
  definitions: field(34, any, "Not supported."),
  externalDocs: field(35, externalDocs, "Where more is written."),
  example: field(36, any, "A value that fits."),
  nullable: field(37, boolean, "True: null is a value, too."),
  additionalProperties: field(30, any, "Schema of the members that are not named, or whether there may be any."),
  "x-kubernetes-preserve-unknown-fields": field(38, boolean, "True: members that are not named are kept.", pointer),
  "x-kubernetes-embedded-resource": field(39, boolean, "True: it has apiVersion, kind and metadata."),
  "x-kubernetes-int-or-string": field(40, boolean, "True: an integer or a string."),
  "x-kubernetes-list-map-keys": field(41, list(string), "Members that tell the items of a list of type map apart."),
  "x-kubernetes-list-type": field(42, string, "atomic, set or map: how lists of two writers become one.", pointer),
  "x-kubernetes-map-type": field(43, string, "granular or atomic: how objects of two writers become one.", pointer),
  "x-kubernetes-validations": field(44, listBy(validationRule, ["rule"], { patchKey: "rule" }), "Rules in CEL."),
};

export const jsonSchemaProps: ObjectSchema<JsonSchemaProps> = {
  type: "object",
  name: "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps",
  doc: "What a value may be.",
  fields,
};

// On the wire items is a message with the schema in it.
fields["items"] = field([24, 1], jsonSchemaProps, "Schema of the items.");
fields["allOf"] = field(25, list(jsonSchemaProps), "Schemas that must all hold.");
fields["oneOf"] = field(26, list(jsonSchemaProps), "Schemas of which exactly one must hold.");
fields["anyOf"] = field(27, list(jsonSchemaProps), "Schemas of which one must hold.");
fields["not"] = field(28, jsonSchemaProps, "Schema that must not hold.");
fields["properties"] = field(29, mapOf(jsonSchemaProps), "Schemas of the members.");

/** The schema of members that are not named; undefined where there is none, whether there may be any or not. */
export function additionalOf({ additionalProperties }: JsonSchemaProps): JsonSchemaProps | undefined {
  // Checked with the definition: see check-json-schema.ts.
  return isJsonObject(additionalProperties) ? (additionalProperties as JsonObject & JsonSchemaProps) : undefined;
}

export function preservesUnknown(schema: JsonSchemaProps): boolean {
  return schema["x-kubernetes-preserve-unknown-fields"] === true;
}

/** Members of every object with apiVersion and kind: their meaning is fixed. */
export const META_FIELDS: ReadonlySet<string> = new Set(["apiVersion", "kind", "metadata"]);

/** The schema as that of an object with apiVersion, kind and metadata. */
export function asResource(schema: JsonSchemaProps): JsonSchemaProps {
  return { ...schema, "x-kubernetes-embedded-resource": true };
}
