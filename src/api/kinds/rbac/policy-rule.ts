/** What Role and ClusterRole have in common. Source: Kubernetes API reference, rbac.authorization.k8s.io/v1. */
import { childPath, type FieldError, indexPath, invalid, required } from "../../field-error.ts";
import type { Check } from "../../schema/schema.ts";
import { field, list, object, string, type ValueOf } from "../../schema/schema.ts";

export const RBAC_GROUP = "rbac.authorization.k8s.io";

export const policyRule = object(
  "io.k8s.api.rbac.v1.PolicyRule",
  "Allows its verbs, either on resources or on paths outside the resources.",
  {
    verbs: field(1, list(string), "What may be done: get, list, create, …; * for everything."),
    apiGroups: field(2, list(string), 'Groups of the resources: "" for the core group, * for all.'),
    resources: field(3, list(string), "Resources as pods or pods/log; * for all, */scale for a subresource of all."),
    resourceNames: field(4, list(string), "Names of the objects; empty for all."),
    nonResourceURLs: field(5, list(string), "Paths such as /healthz; a * at the end stands for anything."),
  },
);
export type PolicyRule = ValueOf<typeof policyRule>;

/** Roles and bindings may be called anything that fits into a path. */
export const checkPathSegment: Check<string> = (name) => {
  if (name === "." || name === "..") return [`may not be '${name}'`];
  return ["/", "%"].filter((part) => name.includes(part)).map((part) => `may not contain '${part}'`);
};

export function validatePolicyRules(
  rules: readonly PolicyRule[] | undefined,
  { isNamespaced }: { readonly isNamespaced: boolean },
): readonly FieldError[] {
  return (rules ?? []).flatMap((rule, index) => validatePolicyRule(rule, isNamespaced, indexPath("rules", index)));
}

function validatePolicyRule(rule: PolicyRule, isNamespaced: boolean, path: string): readonly FieldError[] {
  const { verbs = [], apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
  const needed = (name: string, why: string) => required(childPath(path, name), why);
  const errors: FieldError[] = [];
  if (verbs.length === 0) errors.push(needed("verbs", "verbs must contain at least one value"));
  if (nonResourceURLs.length > 0) {
    const wrong = (why: string) => invalid(childPath(path, "nonResourceURLs"), nonResourceURLs, why);
    if (isNamespaced) errors.push(wrong("namespaced rules cannot apply to non-resource URLs"));
    if (apiGroups.length > 0 || resources.length > 0 || resourceNames.length > 0) {
      errors.push(wrong("rules cannot apply to both regular resources and non-resource URLs"));
    }
    return errors;
  }
  if (apiGroups.length === 0) errors.push(needed("apiGroups", "resource rules must supply at least one api group"));
  if (resources.length === 0) errors.push(needed("resources", "resource rules must supply at least one resource"));
  return errors;
}
