/**
 * Whether rules allow everything that other rules allow: both are taken apart into the smallest rules there are, and
 * each of these must be within one rule that is held. Source: Kubernetes documentation, "Using RBAC Authorization"
 * (privilege escalation prevention and bootstrapping).
 */
import type { PolicyRule } from "#api/kinds/rbac/policy-rule.ts";
import { EVERYTHING, urlMatches } from "./rule-allows.ts";

/** The parts of the wanted rules that are not within the held ones. */
export function missingRules(held: readonly PolicyRule[], wanted: readonly PolicyRule[]): readonly PolicyRule[] {
  return wanted.flatMap(smallestRules).filter((part) => !held.some((rule) => covers(rule, part)));
}

/** One verb, one group, one resource and at most one name each; or one verb and one path. */
export function smallestRules(rule: PolicyRule): readonly PolicyRule[] {
  const { verbs = [], apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
  const names = resourceNames.length === 0 ? [undefined] : resourceNames;
  const onResources = apiGroups.flatMap((group) =>
    resources.flatMap((resource) =>
      verbs.flatMap((verb) =>
        names.map((name) => ({
          verbs: [verb],
          apiGroups: [group],
          resources: [resource],
          ...(name !== undefined && { resourceNames: [name] }),
        })),
      ),
    ),
  );
  const onPaths = nonResourceURLs.flatMap((url) => verbs.map((verb) => ({ verbs: [verb], nonResourceURLs: [url] })));
  return [...onResources, ...onPaths];
}

function covers(held: PolicyRule, part: PolicyRule): boolean {
  const { resourceNames: heldNames = [] } = held;
  const { resourceNames: names = [] } = part;
  return (
    coversAll(held.verbs, part.verbs) &&
    coversAll(held.apiGroups, part.apiGroups) &&
    (part.resources ?? []).every((resource) => coversResource(held.resources ?? [], resource)) &&
    (part.nonResourceURLs ?? []).every((url) => (held.nonResourceURLs ?? []).some((one) => urlMatches(one, url))) &&
    (heldNames.length === 0 || (names.length > 0 && names.every((name) => heldNames.includes(name))))
  );
}

function coversAll(held: readonly string[] = [], wanted: readonly string[] = []): boolean {
  return held.includes(EVERYTHING) || wanted.every((value) => held.includes(value));
}

function coversResource(held: readonly string[], resource: string): boolean {
  if (held.includes(EVERYTHING) || held.includes(resource)) return true;
  const [, subresource] = resource.split("/");
  return subresource !== undefined && held.includes(`*/${subresource}`);
}

/** Rules for one group, resource and name become one again, with all their verbs. */
export function compactRules(rules: readonly PolicyRule[]): readonly PolicyRule[] {
  const compact = new Map<string, PolicyRule>();
  for (const rule of rules) {
    const { verbs = [], ...rest } = rule;
    const key = JSON.stringify(rest);
    compact.set(key, { ...rest, verbs: [...(compact.get(key)?.verbs ?? []), ...verbs] });
  }
  return [...compact.values()];
}

/** `{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}`. */
export function describeRule(rule: PolicyRule): string {
  const parts = [
    ["APIGroups", rule.apiGroups],
    ["Resources", rule.resources],
    ["NonResourceURLs", rule.nonResourceURLs],
    ["ResourceNames", rule.resourceNames],
    ["Verbs", rule.verbs],
  ] as const;
  const shown = parts.flatMap(([name, list = []]) => (list.length === 0 ? [] : [`${name}:${quotedList(list)}`]));
  return `{${shown.join(", ")}}`;
}

/** `["a" "b"]`. */
export function quotedList(list: readonly string[]): string {
  return `[${list.map((value) => JSON.stringify(value)).join(" ")}]`;
}
