/**
 * Whether one rule of a role allows a request. Source: Kubernetes documentation, "Using RBAC Authorization" (referring
 * to resources; API reference of PolicyRule).
 */
import type { PolicyRule } from "#api/kinds/rbac/policy-rule.ts";
import type { AuthorizationRequest } from "./authorizer.ts";

export const EVERYTHING = "*";

export function ruleAllows(rule: PolicyRule, request: AuthorizationRequest): boolean {
  if (!has(rule.verbs, request.verb)) return false;
  if (request.type === "path") return (rule.nonResourceURLs ?? []).some((pattern) => urlMatches(pattern, request.path));
  const { group, resource, subresource, name } = request;
  return has(rule.apiGroups, group) && resourceMatches(rule, resource, subresource) && nameMatches(rule, name);
}

/** "/healthz/*" stands for everything below; the star only works at the end. */
export function urlMatches(pattern: string, path: string): boolean {
  return pattern === path || (pattern.endsWith(EVERYTHING) && path.startsWith(pattern.replace(/\*+$/, "")));
}

function resourceMatches({ resources = [] }: PolicyRule, resource: string, subresource: string): boolean {
  if (resources.includes(EVERYTHING)) return true;
  if (subresource === "") return resources.includes(resource);
  return resources.includes(`${resource}/${subresource}`) || resources.includes(`*/${subresource}`);
}

/** A list has no name: a rule for certain names does not allow it, unless it asks for one name. */
function nameMatches({ resourceNames = [] }: PolicyRule, name: string | undefined): boolean {
  return resourceNames.length === 0 || (name !== undefined && resourceNames.includes(name));
}

function has(list: readonly string[] | undefined, value: string): boolean {
  return list !== undefined && (list.includes(value) || list.includes(EVERYTHING));
}
