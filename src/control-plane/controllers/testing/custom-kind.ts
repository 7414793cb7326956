/** A kind as a CustomResourceDefinition brings it. */
import { defineKind, type Kind } from "#api/kind.ts";
import { any, field } from "#api/schema/schema.ts";

export const widget = defineKind({
  group: "example.com",
  version: "v1",
  kind: "Widget",
  plural: "widgets",
  isCustom: true,
  doc: "Something of somebody else's.",
  fields: { spec: field(2, any, "What it should be.") },
}) as unknown as Kind; // only what all kinds have is used of it
