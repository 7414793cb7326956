/** Which versions a CustomResourceDefinition may have. Texts of the API server. */
import { childPath, type FieldError, forbidden, indexPath, invalid, required, tooMany } from "../../field-error.ts";
import { checkDefaults } from "../../json-schema/check-defaults.ts";
import { checkJsonSchema } from "../../json-schema/check-json-schema.ts";
import { checkStructural } from "../../json-schema/check-structural.ts";
import type { JsonSchemaProps } from "../../json-schema/json-schema-props.ts";
import { checkDnsLabel1035 } from "../../names.ts";
import type { DefinitionVersion, PrinterColumn } from "./definition-version.ts";

const COLUMN_TYPES = ["boolean", "date", "integer", "number", "string"];
const COLUMN_FORMATS = ["byte", "date", "date-time", "double", "float", "int32", "int64", "password"];
const SELECTABLE_FIELDS_MAX = 8;

/** What the root of a schema may say when status is written by its own path. */
const ROOT_MEMBERS = [
  ...["Description", "Type", "Format", "Title", "Maximum", "ExclusiveMaximum", "Minimum", "ExclusiveMinimum"],
  ...["MaxLength", "MinLength", "Pattern", "MaxItems", "MinItems", "UniqueItems", "MultipleOf", "Required", "Items"],
  ...["Properties", "ExternalDocs", "Example", "XPreserveUnknownFields", "XValidations"],
];
const ROOT_NAMES: ReadonlySet<string> = new Set([
  ...ROOT_MEMBERS.map((name) => `${name.slice(0, 1).toLowerCase()}${name.slice(1)}`),
  "x-kubernetes-preserve-unknown-fields",
  "x-kubernetes-validations",
  // Refused by a rule of its own.
  "nullable",
]);

export function checkDefinitionVersion(version: DefinitionVersion, path: string): readonly FieldError[] {
  const { name = "", schema, additionalPrinterColumns: columns = [], selectableFields = [] } = version;
  const problems = checkDnsLabel1035(name);
  const root = schema?.openAPIV3Schema;
  return [
    ...(problems.length === 0 ? [] : [invalid(childPath(path, "name"), name, problems.join(","))]),
    ...checkDeprecation(version, path),
    ...(root === undefined
      ? [required(`${path}.schema.openAPIV3Schema`)]
      : checkSchema(root, `${path}.schema.openAPIV3Schema`, version.subresources?.status !== undefined)),
    ...checkScale(version, childPath(path, "subresources")),
    ...columns.flatMap((column, index) => checkColumn(column, `${path}.additionalPrinterColumns[${index}]`)),
    ...checkSelectableFields(selectableFields, root, childPath(path, "selectableFields")),
  ];
}

function checkDeprecation(
  { deprecated, deprecationWarning: text }: DefinitionVersion,
  path: string,
): readonly FieldError[] {
  if (text === undefined) return [];
  const where = childPath(path, "deprecationWarning");
  if (deprecated !== true) return [invalid(where, text, "can only be set for deprecated versions")];
  if (text === "") return [invalid(where, text, "must not be an empty string")];
  return text.length > 256 ? [invalid(where, text, "must be <= 256 characters long")] : [];
}

function checkSchema(schema: JsonSchemaProps, path: string, hasStatus: boolean): readonly FieldError[] {
  const errors: FieldError[] = [...(hasStatus ? checkRootWithStatus(schema, path) : [])];
  if (schema.nullable === true) errors.push(forbidden(`${path}.nullable`, "nullable cannot be true at the root"));
  errors.push(...checkJsonSchema(schema, path));
  // What follows relies on a schema that is well-formed.
  if (errors.length > 0) return errors;
  const structural = checkStructural(schema, path);
  return structural.length > 0 ? structural : checkDefaults(schema, path);
}

function checkRootWithStatus(schema: JsonSchemaProps, path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  if (schema.type !== undefined && schema.type !== "object") {
    const why = 'only "object" is allowed as the type at the root of the schema if the status subresource is enabled';
    errors.push(invalid(`${path}.type`, schema.type, why));
  }
  if (Object.keys(schema).some((name) => !ROOT_NAMES.has(name))) {
    const why = `only [${ROOT_MEMBERS.join(" ")}] fields are allowed at the root of the schema if the status subresource is enabled`;
    errors.push(invalid(path, schema, why));
  }
  return errors;
}

function checkScale({ subresources }: DefinitionVersion, path: string): readonly FieldError[] {
  const scale = subresources?.scale;
  if (scale === undefined) return [];
  const { specReplicasPath = "", statusReplicasPath = "", labelSelectorPath = "" } = scale;
  return [
    ...checkScalePath(specReplicasPath, `${path}.scale.specReplicasPath`, [".spec."]),
    ...checkScalePath(statusReplicasPath, `${path}.scale.statusReplicasPath`, [".status."]),
    ...(labelSelectorPath === ""
      ? []
      : checkScalePath(labelSelectorPath, `${path}.scale.labelSelectorPath`, [".spec.", ".status."])),
  ];
}

function checkScalePath(jsonPath: string, where: string, roots: readonly string[]): readonly FieldError[] {
  if (jsonPath === "") return [required(where)];
  const errors = checkSimplePath(jsonPath, where);
  if (errors.length > 0 || roots.some((root) => jsonPath.startsWith(root))) return errors;
  const under = roots.map((root) => root.slice(0, -1)).join(" or ");
  return [invalid(where, jsonPath, `should be a json path under ${roots.length > 1 ? "either " : ""}${under}`)];
}

function checkSimplePath(jsonPath: string, where: string): readonly FieldError[] {
  return jsonPath.startsWith(".") ? [] : [invalid(where, jsonPath, "must be a simple json path starting with .")];
}

function checkColumn(
  { name = "", type = "", format = "", jsonPath = "" }: PrinterColumn,
  path: string,
): readonly FieldError[] {
  const errors: FieldError[] = name === "" ? [required(childPath(path, "name"))] : [];
  const types = `must be one of ${COLUMN_TYPES.join(",")}`;
  if (type === "") errors.push(required(childPath(path, "type"), types));
  else if (!COLUMN_TYPES.includes(type)) errors.push(invalid(childPath(path, "type"), type, types));
  if (format !== "" && !COLUMN_FORMATS.includes(format)) {
    errors.push(invalid(childPath(path, "format"), format, `must be one of ${COLUMN_FORMATS.join(",")}`));
  }
  const where = childPath(path, "JSONPath");
  return [...errors, ...(jsonPath === "" ? [required(where)] : checkSimplePath(jsonPath, where))];
}

type SelectableFields = NonNullable<DefinitionVersion["selectableFields"]>;

function checkSelectableFields(
  fields: SelectableFields,
  schema: JsonSchemaProps | undefined,
  path: string,
): readonly FieldError[] {
  const errors = fields.flatMap(({ jsonPath = "" }, index) => {
    const where = childPath(indexPath(path, index), "jsonPath");
    if (jsonPath === "") return [required(where)];
    if (!/^(\.[A-Za-z_][\w-]*)+$/.test(jsonPath)) return [invalid(where, jsonPath, "is an invalid path")];
    if (jsonPath.startsWith(".metadata.")) return [invalid(where, jsonPath, "must not point to fields in metadata")];
    const type = typeAt(schema, jsonPath.slice(1).split("."));
    if (type === "string" || type === "boolean" || type === "integer") return [];
    const why =
      "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.";
    return [invalid(where, jsonPath, why)];
  });
  return fields.length > SELECTABLE_FIELDS_MAX
    ? [...errors, tooMany(path, fields.length, SELECTABLE_FIELDS_MAX)]
    : errors;
}

function typeAt(schema: JsonSchemaProps | undefined, [name, ...rest]: readonly string[]): string | undefined {
  return name === undefined ? schema?.type : typeAt(schema?.properties?.[name], rest);
}
