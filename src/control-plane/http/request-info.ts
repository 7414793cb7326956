/**
 * What a request wants, in the words of authorization: verb, resource, name.
 * Source: Kubernetes documentation, "Authorization Overview" (determine the request verb).
 */
import type { AuthorizationRequest } from "../authorization/authorizer.ts";
import type { UserInfo } from "../resources/resource-api.ts";
import type { RequestPath, ResourcePath } from "./request-path.ts";

/** Methods that change nothing. */
export function isReadOnly(method: string): boolean {
  return method === "GET" || method === "HEAD";
}

/** undefined for a method that resources do not have. */
export function verbOf(method: string, path: ResourcePath, query: URLSearchParams): string | undefined {
  const isNamed = path.name !== undefined;
  switch (method) {
    case "HEAD":
      return path.subresource === "proxy" ? "get" : undefined;
    case "GET":
      if (path.subresource !== "") return "get";
      if (path.isWatch) return "watch";
      if (isNamed) return "get";
      return isTrue(query.get("watch")) ? "watch" : "list";
    case "POST":
      return "create";
    case "PUT":
      return "update";
    case "PATCH":
      return "patch";
    case "DELETE":
      return isNamed ? "delete" : "deletecollection";
    default:
      return undefined;
  }
}

/** A list or watch of the one object with a name counts as a request for that name. */
export function nameOf(path: ResourcePath, query: URLSearchParams): string | undefined {
  if (path.name !== undefined) return path.name;
  const selector = query.get("fieldSelector") ?? "";
  const term = selector.split(",").find((text) => /^metadata\.name={1,2}[^=]/.test(text));
  return term?.replace(/^metadata\.name=+/, "");
}

export function authorizationRequest(
  user: UserInfo,
  method: string,
  path: RequestPath,
  query: URLSearchParams,
): AuthorizationRequest {
  if (path.type === "other") return { type: "path", user, verb: method.toLowerCase(), path: path.path };
  const { group, resource, subresource, namespace } = path;
  const verb = verbOf(method, path, query) ?? method.toLowerCase();
  return { type: "resource", user, verb, group, resource, subresource, namespace, name: nameOf(path, query) };
}

/** As Go reads booleans in a query: "true", "1", and a name without a value. */
export function isTrue(value: string | null): boolean {
  return value !== null && value !== "false" && value !== "0";
}
