/**
 * The rules of cluster roles that are made of others. Kubernetes has a controller write them into the role; here they
 * are a function of all cluster roles, so that they are never out of date.
 * Source: Kubernetes documentation, "Aggregated ClusterRoles".
 */
import type { ClusterRole } from "#api/kinds/rbac/cluster-role.ts";
import type { PolicyRule } from "#api/kinds/rbac/policy-rule.ts";
import { labelSelectorMatcher } from "#api/selectors/label-selector.ts";

/**
 * What the role allows: its own rules, or with an aggregationRule those of the roles that it selects, also through
 * other aggregated roles. In the order of the roles' names, equal rules once.
 */
export function aggregatedRules(role: ClusterRole, all: Iterable<ClusterRole>): readonly PolicyRule[] {
  if (role.aggregationRule === undefined) return role.rules ?? [];
  const roles = [...all].sort((a, b) => compareText(nameOf(a), nameOf(b)));
  const rules = new Map<string, PolicyRule>();
  const seen = new Set([nameOf(role)]);
  const add = (aggregated: ClusterRole) => {
    for (const part of roles.filter((other) => selects(aggregated, other))) {
      if (seen.has(nameOf(part))) continue;
      seen.add(nameOf(part));
      if (part.aggregationRule !== undefined) add(part);
      else for (const rule of part.rules ?? []) rules.set(JSON.stringify(rule), rule);
    }
  };
  add(role);
  return [...rules.values()];
}

function selects({ aggregationRule }: ClusterRole, other: ClusterRole): boolean {
  const selectors = aggregationRule?.clusterRoleSelectors ?? [];
  return selectors.some((selector) => labelSelectorMatcher(selector)(other.metadata.labels));
}

function nameOf({ metadata }: ClusterRole): string {
  return metadata.name ?? "";
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
