/**
 * Schemas as OpenAPI v3 says them: one component for each message, with the extensions that clients merge by and that
 * `kubectl explain` prints. Source: OpenAPI 3.0.0; Kubernetes' documents below /openapi/v3 (1.32).
 */
import type { JsonObject, JsonValue } from "#base/json.ts";
import type { Field, ListSchema, ObjectSchema, Schema } from "./schema.ts";

const META = "io.k8s.apimachinery.pkg.apis.meta.v1";
const TIME = `${META}.Time`;
const MICRO_TIME = `${META}.MicroTime`;
const QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity";
const INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString";

const SCALAR_COMPONENTS: Readonly<Record<string, JsonObject>> = {
  [TIME]: { description: "A point in time, in whole seconds.", type: "string", format: "date-time" },
  [MICRO_TIME]: { description: "A point in time, in microseconds.", type: "string", format: "date-time" },
  [QUANTITY]: { description: "An amount such as 500m or 1Gi.", oneOf: [{ type: "string" }, { type: "number" }] },
  [INT_OR_STRING]: {
    description: "A number, or text such as 25% or a name.",
    format: "int-or-string",
    oneOf: [{ type: "integer" }, { type: "string" }],
  },
};

/** Components by name; filled as messages are met. */
export type Components = Map<string, JsonObject>;

/** Adds the message and all that it uses; `extensions` are the message's own. */
export function addComponent(components: Components, schema: ObjectSchema, extensions: JsonObject = {}): void {
  if (components.has(schema.name)) return;
  // Before its fields: a message may contain itself.
  components.set(schema.name, {});
  const fields = Object.entries(schema.fields);
  const properties = fields.map(([name, field]) => [name, property(components, field)]);
  const required = fields.filter(([, field]) => field.required === true).map(([name]) => name);
  components.set(schema.name, {
    description: schema.doc,
    type: "object",
    properties: Object.fromEntries(properties),
    ...(required.length > 0 && { required }),
    ...(schema.isAtomic === true && { "x-kubernetes-map-type": "atomic" }),
    ...(schema.keepsUnknown === true && { "x-kubernetes-preserve-unknown-fields": true }),
    ...extensions,
  });
}

export function reference(name: string): JsonObject {
  return { $ref: `#/components/schemas/${name}` };
}

function property(components: Components, field: Field): JsonObject {
  const { schema } = field;
  const hasDefault = field.default !== undefined && typeof field.default !== "function";
  return {
    description: field.doc,
    ...value(components, schema),
    ...(hasDefault && { default: field.default }),
    ...(schema.type === "object" && schema.patchRetainKeys === true && { "x-kubernetes-patch-strategy": "retainKeys" }),
  };
}

function value(components: Components, schema: Schema): JsonObject {
  switch (schema.type) {
    case "string":
      return { type: "string", ...(schema.values !== undefined && { enum: [...schema.values].sort() }) };
    case "boolean":
      return { type: "boolean" };
    case "integer":
      return { type: "integer", format: `int${schema.bits}`, ...range(schema) };
    case "number":
      return { type: "number", format: "double", ...range(schema) };
    case "bytes":
      return { type: "string", format: "byte" };
    case "time":
      return shared(components, schema.precision === "seconds" ? TIME : MICRO_TIME);
    case "quantity":
      return shared(components, QUANTITY);
    case "intOrString":
      return shared(components, INT_OR_STRING);
    case "any":
      return { "x-kubernetes-preserve-unknown-fields": true };
    case "list":
      return { type: "array", items: value(components, schema.item), ...lengths(schema), ...listExtensions(schema) };
    case "map":
      return {
        type: "object",
        additionalProperties: value(components, schema.value),
        ...(schema.isAtomic === true && { "x-kubernetes-map-type": "atomic" }),
      };
    case "object":
      addComponent(components, schema);
      // Beside a bare $ref nothing else may stand.
      return { allOf: [reference(schema.name)] };
    default:
      throw new TypeError(`No such schema: ${JSON.stringify(schema satisfies never)}`);
  }
}

function shared(components: Components, name: string): JsonObject {
  components.set(name, SCALAR_COMPONENTS[name] ?? {});
  return { allOf: [reference(name)] };
}

function range({ min, max }: { readonly min?: number; readonly max?: number }): JsonObject {
  return { ...(min !== undefined && { minimum: min }), ...(max !== undefined && { maximum: max }) };
}

function lengths({ minItems, maxItems }: ListSchema): JsonObject {
  return { ...(minItems !== undefined && { minItems }), ...(maxItems !== undefined && { maxItems }) };
}

function listExtensions({ merge, patchRetainKeys }: ListSchema): JsonObject {
  const type: JsonObject = { "x-kubernetes-list-type": merge.kind };
  if (merge.kind === "atomic") return type;
  if (merge.kind === "set") return { ...type, ...(merge.patchMerge && { "x-kubernetes-patch-strategy": "merge" }) };
  const keys: readonly JsonValue[] = merge.keys;
  return {
    ...type,
    "x-kubernetes-list-map-keys": keys,
    ...(merge.patchKey !== undefined && {
      "x-kubernetes-patch-merge-key": merge.patchKey,
      "x-kubernetes-patch-strategy": patchRetainKeys === true ? "merge,retainKeys" : "merge",
    }),
  };
}
