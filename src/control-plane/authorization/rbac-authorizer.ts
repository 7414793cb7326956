/** Decides by roles and bindings: rules only ever allow. Source: Kubernetes documentation, "Using RBAC Authorization". */
import type { PolicyRule } from "#api/kinds/rbac/policy-rule.ts";
import type { UserInfo } from "../resources/resource-api.ts";
import type { AuthorizationDecision, AuthorizationRequest, Authorizer } from "./authorizer.ts";
import type { Grant, RbacIndex } from "./rbac-index.ts";
import { ruleAllows } from "./rule-allows.ts";

export interface ResolvedRules {
  readonly rules: readonly PolicyRule[];
  /** True when the user may be allowed more than the rules say. */
  readonly isIncomplete: boolean;
  /** What went wrong: roles that are bound but not there. */
  readonly errors: readonly string[];
}

export interface RuleResolver {
  /** What the user may do in the namespace, and in the whole cluster. */
  rulesFor(user: UserInfo, namespace: string | undefined): ResolvedRules;
}

export function rbacAuthorizer(index: Pick<RbacIndex, "grants">): Authorizer & RuleResolver {
  return {
    authorize: (request) => decide(request, index.grants(request.user, namespaceOf(request))),
    rulesFor(user, namespace) {
      const grants = [...index.grants(user, namespace)];
      return {
        rules: grants.flatMap(({ rules = [] }) => rules),
        isIncomplete: false,
        errors: grants.filter(({ rules }) => rules === undefined).map(({ missing }) => missing),
      };
    },
  };
}

function decide(request: AuthorizationRequest, grants: Iterable<Grant>): AuthorizationDecision {
  const missing: string[] = [];
  for (const grant of grants) {
    if (grant.rules === undefined) missing.push(grant.missing);
    else if (grant.rules.some((rule) => ruleAllows(rule, request))) {
      return { isAllowed: true, reason: `RBAC: allowed by ${grant.source}` };
    }
  }
  return { isAllowed: false, reason: missing.length === 0 ? "" : `RBAC: ${aggregateText(missing)}` };
}

/** As Kubernetes writes several errors in one: each once, in brackets. */
export function aggregateText(errors: readonly string[]): string {
  const texts = [...new Set(errors)];
  return texts.length === 1 ? (texts[0] ?? "") : `[${texts.join(", ")}]`;
}

function namespaceOf(request: AuthorizationRequest): string | undefined {
  return request.type === "resource" ? request.namespace : undefined;
}
