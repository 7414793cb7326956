/** From a path to what it names among the kinds that are served; whatever is not there is 404 or 405. */
import { ApiError } from "#api/api-error.ts";
import type { Kind, Verb } from "#api/kind.ts";
import type { Target } from "../resources/resource-api.ts";
import type { ResourcePath } from "./request-path.ts";

export interface KindLookup {
  find(group: string, version: string, plural: string): Kind | undefined;
}

const STATUS_VERBS: readonly Verb[] = ["get", "patch", "update"];

/** Throws ApiError 404, and 405 for a verb that the resource does not have. */
export function resolveTarget(kinds: KindLookup, path: ResourcePath, verb: string | undefined): Target {
  const { group, version, resource, name, subresource } = path;
  const kind = kinds.find(group, version, resource);
  // Kinds without verbs are bodies of subresources, not resources.
  if (kind === undefined || kind.verbs.length === 0) throw unknownPathError();
  const namespace = kind.isNamespaced ? path.namespace : undefined;
  const isOwnNamespace = resource === "namespaces" && group === "";
  if (!kind.isNamespaced && path.namespace !== undefined && !isOwnNamespace) throw unknownPathError();
  if (kind.isNamespaced && name !== undefined && namespace === undefined) throw unknownPathError();
  const verbs = subresource === "" ? kind.verbs : subresourceVerbs(kind, subresource);
  if (verbs === undefined) throw unknownPathError();
  if (!verbs.some((candidate) => candidate === verb) || !isAtRightPlace(path, kind, verb))
    throw methodNotAllowedError();
  return { kind, namespace, name, subresource };
}

/** undefined when there is no such subresource. */
export function subresourceVerbs(kind: Kind, subresource: string): readonly Verb[] | undefined {
  const declared = kind.subresources.find(({ name }) => name === subresource);
  if (declared !== undefined) return declared.verbs;
  const isImplied = subresource === "status" ? kind.hasStatus : subresource === "scale" && kind.scale !== undefined;
  return isImplied ? STATUS_VERBS : undefined;
}

/** Collections are created in and listed, objects are read and changed. */
function isAtRightPlace({ name, subresource, namespace }: ResourcePath, kind: Kind, verb: string | undefined): boolean {
  if (subresource !== "") return name !== undefined;
  switch (verb) {
    case "create":
      return name === undefined && (!kind.isNamespaced || namespace !== undefined);
    case "get":
    case "update":
    case "patch":
    case "delete":
      return name !== undefined;
    case "deletecollection":
      return !kind.isNamespaced || namespace !== undefined;
    default:
      return true;
  }
}

export function unknownPathError(): ApiError {
  return new ApiError({
    code: 404,
    reason: "NotFound",
    message: "the server could not find the requested resource",
    details: {},
  });
}

export function methodNotAllowedError(): ApiError {
  return new ApiError({
    code: 405,
    reason: "MethodNotAllowed",
    message: "the server does not allow this method on the requested resource",
    details: {},
  });
}
