/** The JSON schema of a custom kind as the OpenAPI document has it: with what every object has. */
import type { JsonSchemaProps } from "#api/json-schema/json-schema-props.ts";
import { objectMeta } from "#api/meta/object-meta.ts";
import { reference } from "#api/schema/open-api-schema.ts";
import type { JsonObject } from "#base/json.ts";

export function openApiOfKind(schema: JsonSchemaProps): JsonObject {
  // Decoded from JSON.
  const { properties, ...rest }: JsonObject = schema as JsonSchemaProps & JsonObject;
  return {
    ...rest,
    properties: {
      apiVersion: { type: "string", description: "Group and version of the kind." },
      kind: { type: "string", description: "Name of the kind." },
      ...(properties as JsonObject | undefined),
      metadata: {
        description: "Name, labels and what the server keeps about the object.",
        allOf: [reference(objectMeta.name)],
      },
    },
  };
}
