/** The checks of lists and objects, and of what is in them. */
import { isJsonObject, type JsonValue } from "#base/json.ts";
import { required, tooMany } from "../field-error.ts";
import { formatPath } from "../schema/field-path.ts";
import { invalidInBody, type ValidateJson } from "./json-findings.ts";
import { additionalOf, type JsonSchemaProps } from "./json-schema-props.ts";

type Compile = (schema: JsonSchemaProps) => ValidateJson;

export function compileItems(schema: JsonSchemaProps, compile: Compile): ValidateJson | undefined {
  const { items, minItems, maxItems } = schema;
  const validate = items === undefined ? undefined : compile(items);
  if (validate === undefined && minItems === undefined && maxItems === undefined) return undefined;
  return (value, path, found) => {
    if (!Array.isArray(value)) return;
    const list: readonly JsonValue[] = value;
    if (validate !== undefined) {
      let index = 0;
      for (const item of list) {
        path.push(`[${index++}]`);
        validate(item, path, found);
        path.pop();
      }
    }
    if (minItems !== undefined && list.length < minItems) {
      found.errors.push(invalidInBody(path, list.length, `should have at least ${minItems} items`));
    }
    if (maxItems !== undefined && list.length > maxItems) {
      found.errors.push(tooMany(formatPath(path), list.length, maxItems));
    }
  };
}

interface Member {
  readonly name: string;
  readonly segment: string;
  readonly validate: ValidateJson;
}

export function compileMembers(schema: JsonSchemaProps, compile: Compile): ValidateJson | undefined {
  const { minProperties, maxProperties, required: names = [], properties = {} } = schema;
  const additional = compileAdditional(schema, compile);
  const members: readonly Member[] = Object.entries(properties).map(([name, member]) => ({
    name,
    segment: `.${name}`,
    validate: compile(member),
  }));
  const hasLimits = minProperties !== undefined || maxProperties !== undefined;
  if (!hasLimits && additional === undefined && members.length === 0 && names.length === 0) return undefined;
  return (value, path, found) => {
    if (!isJsonObject(value)) return;
    const size = hasLimits ? Object.keys(value).length : 0;
    if (minProperties !== undefined && size < minProperties) {
      found.errors.push(invalidInBody(path, size, `should have at least ${minProperties} properties`));
    }
    if (maxProperties !== undefined && size > maxProperties) {
      found.errors.push(tooMany(formatPath(path), size, maxProperties));
    }
    additional?.(value, path, found);
    for (const { name, segment, validate } of members) {
      const member = Object.hasOwn(value, name) ? value[name] : undefined;
      if (member === undefined) continue;
      path.push(segment);
      validate(member, path, found);
      path.pop();
    }
    for (const name of names) {
      if (Object.hasOwn(value, name) && value[name] !== undefined) continue;
      found.errors.push(required(formatPath([...path, `.${name}`])));
    }
  };
}

function compileAdditional(schema: JsonSchemaProps, compile: Compile): ValidateJson | undefined {
  const { additionalProperties, properties = {} } = schema;
  const additional = additionalOf(schema);
  const validate = additional === undefined ? undefined : compile(additional);
  if (validate === undefined && additionalProperties !== false) return undefined;
  return (value, path, found) => {
    if (!isJsonObject(value)) return;
    for (const name in value) {
      const member = value[name];
      if (member === undefined || Object.hasOwn(properties, name)) continue;
      if (validate === undefined) {
        const problem = `${formatPath(path)}.${name} in body is a forbidden property`;
        found.errors.push({
          ...invalidInBody(path, name, ""),
          message: `Invalid value: ${JSON.stringify(name)}: ${problem}`,
        });
        continue;
      }
      path.push(`.${name}`);
      validate(member, path, found);
      path.pop();
    }
  };
}
