/**
 * Nobody can give away more than he has: who writes a role or a binding must hold all of its rules himself, or be
 * allowed to `escalate` the role or to `bind` it. Source: Kubernetes documentation, "Using RBAC Authorization"
 * (privilege escalation prevention and bootstrapping).
 */
import { type ApiError, forbiddenError, notFoundError } from "#api/api-error.ts";
import type { RoleRef } from "#api/kinds/rbac/binding.ts";
import { type PolicyRule, RBAC_GROUP } from "#api/kinds/rbac/policy-rule.ts";
import type { UserInfo } from "../resources/resource-api.ts";
import type { Authorizer } from "./authorizer.ts";
import { aggregateText, type RuleResolver } from "./rbac-authorizer.ts";
import type { RbacIndex } from "./rbac-index.ts";
import { compactRules, describeRule, missingRules, quotedList } from "./rules-cover.ts";
import { MASTERS_GROUP } from "./union-authorizer.ts";

/** What somebody writes. `namespace` is undefined for kinds of the whole cluster. */
export type RbacWrite = RoleWrite | BindingWrite;

interface Write {
  readonly user: UserInfo;
  readonly namespace: string | undefined;
  readonly name: string;
}

export interface RoleWrite extends Write {
  readonly kind: "Role" | "ClusterRole";
  readonly rules: readonly PolicyRule[];
  /** It has an aggregationRule. */
  readonly isAggregated: boolean;
  /** A new role's name does not count for `escalate`, as the path of the request does not have it. */
  readonly isNew: boolean;
}

export interface BindingWrite extends Write {
  readonly kind: "RoleBinding" | "ClusterRoleBinding";
  readonly roleRef: RoleRef;
}

export interface EscalationDeps {
  readonly authorizer: Authorizer;
  /** The rules that count as held: those of RBAC, not of other authorizers. */
  readonly rbac: RuleResolver;
  readonly index: Pick<RbacIndex, "rulesOf">;
}

const EVERY_RULE: readonly PolicyRule[] = [
  { verbs: ["*"], apiGroups: ["*"], resources: ["*"] },
  { verbs: ["*"], nonResourceURLs: ["*"] },
];

/** The error that the write gets; undefined when it may go on. */
export function checkEscalation(deps: EscalationDeps, write: RbacWrite): ApiError | undefined {
  const { user, namespace } = write;
  if (user.groups.includes(MASTERS_GROUP)) return undefined;
  if ("roleRef" in write) return checkBinding(deps, write);
  const resource = write.kind === "Role" ? "roles" : "clusterroles";
  const name = write.isNew ? undefined : write.name;
  if (isAllowed(deps, { user, namespace, verb: "escalate", resource, name })) return undefined;
  const forbidden = (why: string) => forbiddenError({ group: RBAC_GROUP, plural: resource }, write.name, why);
  const problem = describeMissing(deps, write, write.rules);
  if (problem !== undefined) return forbidden(problem);
  if (write.isAggregated && describeMissing(deps, write, EVERY_RULE) !== undefined) {
    return forbidden("must have cluster-admin privileges to use the aggregationRule");
  }
  return undefined;
}

function checkBinding(deps: EscalationDeps, write: BindingWrite): ApiError | undefined {
  const { user, namespace, name, roleRef } = write;
  const resource = roleRef.kind === "Role" ? "roles" : "clusterroles";
  if (isAllowed(deps, { user, namespace, verb: "bind", resource, name: roleRef.name })) return undefined;
  const rules = deps.index.rulesOf(roleRef, namespace);
  if (rules === undefined) return notFoundError({ group: RBAC_GROUP, plural: resource }, roleRef.name ?? "");
  const problem = describeMissing(deps, write, rules);
  if (problem === undefined) return undefined;
  const plural = write.kind === "RoleBinding" ? "rolebindings" : "clusterrolebindings";
  return forbiddenError({ group: RBAC_GROUP, plural }, name, problem);
}

interface Question {
  readonly user: UserInfo;
  readonly namespace: string | undefined;
  readonly verb: "escalate" | "bind";
  readonly resource: string;
  readonly name: string | undefined;
}

function isAllowed({ authorizer }: EscalationDeps, question: Question): boolean {
  return authorizer.authorize({ type: "resource", group: RBAC_GROUP, subresource: "", ...question }).isAllowed;
}

function describeMissing(
  { rbac }: EscalationDeps,
  { user, namespace }: Pick<RbacWrite, "user" | "namespace">,
  wanted: readonly PolicyRule[],
): string | undefined {
  const held = rbac.rulesFor(user, namespace);
  const missing = missingRules(held.rules, wanted);
  if (missing.length === 0) return undefined;
  const shown = [...new Set(compactRules(missing).map(describeRule))].sort();
  const errors = held.errors.length === 0 ? "" : `; resolution errors: ${bracketed(aggregateText(held.errors))}`;
  return `user ${JSON.stringify(user.name)} (groups=${quotedList(user.groups)}) is attempting to grant RBAC permissions not currently held:\n${shown.join("\n")}${errors}`;
}

function bracketed(text: string): string {
  return text.startsWith("[") ? text : `[${text}]`;
}
