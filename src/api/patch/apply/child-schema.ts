/** The schema one step further down; undefined where nothing is declared: unknown members of custom resources. */
import type { Schema } from "../../schema/schema.ts";
import { memberOfStep } from "./path-element.ts";

export function memberSchema(schema: Schema | undefined, name: string): Schema | undefined {
  if (schema?.type === "map") return schema.value;
  if (schema?.type !== "object" || !Object.hasOwn(schema.fields, name)) return undefined;
  return schema.fields[name]?.schema;
}

export function stepSchema(schema: Schema | undefined, step: string): Schema | undefined {
  const name = memberOfStep(step);
  if (name !== undefined) return memberSchema(schema, name);
  return schema?.type === "list" ? schema.item : undefined;
}

/** Whether the name is declared, unlike a key of a map. */
export function isDeclared(schema: Schema | undefined, name: string): boolean {
  return schema?.type === "object" && Object.hasOwn(schema.fields, name);
}

/** Owned and replaced as a whole. Undeclared objects are not, undeclared lists are. */
export function isAtomic(schema: Schema | undefined): boolean {
  switch (schema?.type) {
    case undefined:
      return false;
    case "object":
    case "map":
      return schema.isAtomic === true;
    case "list":
      return schema.merge.kind === "atomic";
    default:
      return true;
  }
}
