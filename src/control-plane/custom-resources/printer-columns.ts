/**
 * The columns of kubectl get that a CustomResourceDefinition declares.
 * Source: Kubernetes documentation, "Extend the Kubernetes API with CustomResourceDefinitions" (additional columns).
 */
import { age, nameColumn } from "#api/columns.ts";
import type { Column, KubeObject } from "#api/kind.ts";
import type { PrinterColumn } from "#api/kinds/custom-resource-definition/definition-version.ts";
import type { JsonValue } from "#base/json.ts";
import { asJson } from "../resources/stored-object.ts";
import { parseJsonPath, valuesAt } from "./json-path.ts";

const DEFAULT_COLUMNS: readonly PrinterColumn[] = [
  { name: "Age", type: "date", description: "When the object was created.", jsonPath: ".metadata.creationTimestamp" },
];

export function printerColumns(declared: readonly PrinterColumn[] = []): readonly Column<KubeObject>[] {
  return [nameColumn, ...(declared.length === 0 ? DEFAULT_COLUMNS : declared).map(columnOf)];
}

function columnOf({
  name = "",
  type = "",
  description,
  priority = 0,
  jsonPath = "",
}: PrinterColumn): Column<KubeObject> {
  const path = parseJsonPath(jsonPath);
  return {
    name,
    type: typeOf(type),
    doc: description ?? `Custom resource definition column (in JSONPath format): ${jsonPath}`,
    priority: priority > 0 ? 1 : 0,
    cell(object, now) {
      const value = path === undefined ? undefined : valuesAt(path, asJson(object))[0];
      return value === undefined || value === null ? null : cellOf(type, value, now);
    },
  };
}

function typeOf(type: string): Column<KubeObject>["type"] {
  return type === "integer" || type === "number" || type === "boolean" || type === "date" ? type : "string";
}

function cellOf(type: string, value: JsonValue, now: Date): string | number | boolean | null {
  switch (type) {
    case "integer":
      return typeof value === "number" ? Math.trunc(value) : null;
    case "number":
      return typeof value === "number" ? value : null;
    case "boolean":
      return typeof value === "boolean" ? value : null;
    case "date":
      if (typeof value !== "string") return null;
      return Number.isNaN(Date.parse(value)) ? "<invalid>" : age(value, now);
    default:
      return typeof value === "string" ? value : JSON.stringify(value);
  }
}
