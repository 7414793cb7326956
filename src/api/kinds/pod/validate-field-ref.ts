/** References of containers and volumes to the pod itself. Source: the API server's validation of core/v1. */
import { childPath, type FieldError, invalid, notSupported } from "../../field-error.ts";
import { checkQualifiedName } from "../../names.ts";

const RESOURCES = [
  "limits.cpu",
  "limits.ephemeral-storage",
  "limits.memory",
  "requests.cpu",
  "requests.ephemeral-storage",
  "requests.memory",
];

/** `supported`: paths without a subscript; labels and annotations can always have one. */
export function validateFieldRef(
  fieldPath: string | undefined,
  supported: readonly string[],
  path: string,
): readonly FieldError[] {
  if (fieldPath === undefined || fieldPath === "") return [];
  const at = childPath(path, "fieldPath");
  const [, map, key] = /^(.*)\['(.*)'\]$/.exec(fieldPath) ?? [];
  if (map !== undefined && key !== undefined) {
    if (map !== "metadata.labels" && map !== "metadata.annotations") {
      return [invalid(at, fieldPath, "does not support subscript")];
    }
    return checkQualifiedName(map === "metadata.annotations" ? key.toLowerCase() : key).map((problem) =>
      invalid(path, key, problem),
    );
  }
  return supported.includes(fieldPath) ? [] : [notSupported(at, fieldPath, supported)];
}

export function validateResourceFieldRef(
  { resource }: { readonly resource: string },
  path: string,
): readonly FieldError[] {
  const isHugePages = /^(?:limits|requests)\.hugepages-./.test(resource ?? "");
  if (resource === undefined || resource === "" || isHugePages || RESOURCES.includes(resource)) return [];
  return [notSupported(childPath(path, "resource"), resource, RESOURCES)];
}
