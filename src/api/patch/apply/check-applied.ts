/**
 * Whether a configuration fits the schema, before it is merged: server-side apply refuses what it cannot place, and
 * says so in its own words. Source: structured-merge-diff, the messages of its validation.
 */
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";
import type { ListSchema, Schema } from "../../schema/schema.ts";
import { goText, goType } from "../go-text.ts";
import { isJsonList } from "../json-members.ts";
import { memberSchema } from "./child-schema.ts";
import { itemStep, memberStep, printStep } from "./path-element.ts";

/** One text per problem: `.spec.bogus: field not declared in schema`. */
export function checkApplied(schema: Schema, applied: JsonObject): readonly string[] {
  const problems: string[] = [];
  check(schema, applied, "", problems);
  return problems;
}

function check(schema: Schema | undefined, value: JsonValue, path: string, problems: string[]): void {
  if (schema === undefined || schema.type === "any" || value === null) return;
  switch (schema.type) {
    case "object":
    case "map":
      if (isJsonObject(value)) checkMembers(schema, value, path, problems);
      else problems.push(at(path, `expected map, got &{${goText(value)}}`));
      return;
    case "list":
      if (isJsonList(value)) checkItems(schema, value, path, problems);
      else problems.push(at(path, `expected list, got &{${goText(value)}}`));
      return;
    default: {
      const problem = checkScalar(schema, value);
      if (problem !== undefined) problems.push(at(path, problem));
    }
  }
}

function at(path: string, problem: string): string {
  return path === "" ? problem : `${path}: ${problem}`;
}

function checkMembers(schema: Schema, object: JsonObject, path: string, problems: string[]): void {
  for (const [name, value] of Object.entries(object)) {
    if (value === undefined) continue;
    const memberPath = path + printStep(memberStep(name));
    const member = memberSchema(schema, name);
    if (member !== undefined) check(member, value, memberPath, problems);
    else if (schema.type === "object" && schema.keepsUnknown !== true) {
      problems.push(at(memberPath, "field not declared in schema"));
    }
  }
}

function checkItems(list: ListSchema, items: readonly JsonValue[], path: string, problems: string[]): void {
  const seen = new Set<string>();
  items.forEach((item, index) => {
    if (list.merge.kind === "atomic") {
      check(list.item, item, `${path}[${index}]`, problems);
      return;
    }
    const step = itemStep(list, item);
    if (step === undefined) {
      problems.push(at(path, `element ${index}: ${whyNoStep(list, item)}`));
      return;
    }
    if (seen.has(step)) problems.push(at(path, `duplicate entries for key ${printStep(step)}`));
    seen.add(step);
    check(list.item, item, path + printStep(step), problems);
  });
}

function whyNoStep(list: ListSchema, item: JsonValue): string {
  if (list.merge.kind !== "map") {
    if (item === null) return "associative list without keys has an element that's an explicit null";
    return isJsonObject(item)
      ? "associative list without keys has an element that's a map type"
      : "not supported: associative list with lists as elements";
  }
  if (item === null) return "associative list with keys may not have a null element";
  if (!isJsonObject(item)) return "associative list with keys may not have non-map elements";
  const keys = list.merge.keys.map((key) => JSON.stringify(key)).join(" ");
  return `associative list with keys has an element that omits all key fields [${keys}] (and doesn't have default values for any key fields)`;
}

function checkScalar(schema: Schema, value: JsonValue): string | undefined {
  switch (schema.type) {
    case "integer":
    case "number":
      return typeof value === "number" ? undefined : `expected numeric (int or float), got ${goType(value)}`;
    case "boolean":
      return typeof value === "boolean" ? undefined : `expected boolean, got &{${goText(value)}}`;
    case "quantity":
    case "intOrString":
      return typeof value === "object" ? `expected any scalar, got &{${goText(value)}}` : undefined;
    default:
      return typeof value === "string"
        ? undefined
        : `expected string, got &value.valueUnstructured{Value:${goText(value)}}`;
  }
}
