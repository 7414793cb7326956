/** What holds in environment variables beyond single fields. Source: the API server's validation of core/v1. */
import { childPath, type FieldError, indexPath, invalid, required } from "../../field-error.ts";
import { checkConfigMapKey } from "../../names.ts";
import type { EnvFromSource, EnvVar } from "./env.ts";
import { validateFieldRef, validateResourceFieldRef } from "./validate-field-ref.ts";

type ValueFrom = NonNullable<EnvVar["valueFrom"]>;

const FIELDS = [
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
  "spec.nodeName",
  "spec.serviceAccountName",
  "status.hostIP",
  "status.hostIPs",
  "status.podIP",
  "status.podIPs",
];
const NAME_TEXT = "a valid environment variable name must consist only of printable ASCII characters other than '='";
const ONE_ONLY = "may not have more than one field specified at a time";

export function validateEnv(variables: readonly EnvVar[] = [], path: string): readonly FieldError[] {
  return variables.flatMap(({ name, value = "", valueFrom }, index) => {
    const at = indexPath(path, index);
    return [
      ...validateName(name, childPath(at, "name")),
      ...(valueFrom === undefined ? [] : validateValueFrom(valueFrom, value, childPath(at, "valueFrom"))),
    ];
  });
}

export function validateEnvFrom(sources: readonly EnvFromSource[] = [], path: string): readonly FieldError[] {
  return sources.flatMap(({ prefix, configMapRef, secretRef }, index) => {
    const at = indexPath(path, index);
    const isNone = configMapRef === undefined && secretRef === undefined;
    const isBoth = configMapRef !== undefined && secretRef !== undefined;
    return [
      ...validateName(prefix, childPath(at, "prefix")),
      ...validateReference(configMapRef, childPath(at, "configMapRef")),
      ...validateReference(secretRef, childPath(at, "secretRef")),
      ...(isNone ? [invalid(at, "", "must specify one of: `configMapRef` or `secretRef`")] : []),
      ...(isBoth ? [invalid(at, "", ONE_ONLY)] : []),
    ];
  });
}

function validateName(name: string | undefined, path: string): readonly FieldError[] {
  return name === undefined || /^[ -<>-~]*$/.test(name) ? [] : [invalid(path, name, NAME_TEXT)];
}

function validateValueFrom(source: ValueFrom, value: string, path: string): readonly FieldError[] {
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef } = source;
  const at = (name: string) => childPath(path, name);
  const count = Object.values(source).filter((member) => member !== undefined).length;
  return [
    ...(fieldRef === undefined ? [] : validateFieldRef(fieldRef.fieldPath, FIELDS, at("fieldRef"))),
    ...(resourceFieldRef === undefined ? [] : validateResourceFieldRef(resourceFieldRef, at("resourceFieldRef"))),
    ...validateReference(configMapKeyRef, at("configMapKeyRef")),
    ...validateReference(secretKeyRef, at("secretKeyRef")),
    ...(count === 0
      ? [invalid(path, "", "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`")]
      : []),
    ...(count > 0 && value !== "" ? [invalid(path, "", "may not be specified when `value` is not empty")] : []),
    ...(count > 1 ? [invalid(path, "", ONE_ONLY)] : []),
  ];
}

function validateReference(
  reference: { readonly name?: string | undefined; readonly key?: string } | undefined,
  path: string,
): readonly FieldError[] {
  if (reference === undefined) return [];
  const { name = "", key = "" } = reference;
  return [
    ...(name === "" ? [required(childPath(path, "name"))] : []),
    ...(key === "" ? [] : checkConfigMapKey(key).map((problem) => invalid(childPath(path, "key"), key, problem))),
  ];
}
