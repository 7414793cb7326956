/** A policy as rules, without any pod: what `compilePolicy` gives and the index works on. */
import {
  type Direction,
  type DirectionRules,
  namedPortKey,
  type PolicyId,
  type PolicyRule,
  type PortMatch,
} from "./rule-model.ts";
import type { AddressSource, PodSelection } from "./selection.ts";

export type PolicyTier = "admin" | "network" | "baseline";

export interface DirectionPlan {
  readonly rules: DirectionRules;
  /** Of all sets that the rules name. */
  readonly sources: readonly AddressSource[];
  /** Of all named ports that the rules name. */
  readonly portKeys: readonly string[];
}

export interface PolicyPlan {
  readonly policy: PolicyId;
  readonly tier: PolicyTier;
  /** Within the tier; 0 for NetworkPolicy. */
  readonly priority: number;
  /** undefined: nobody. */
  readonly subject: PodSelection | undefined;
  /** The directions that the policy says anything about. */
  readonly directions: ReadonlyMap<Direction, DirectionPlan>;
  readonly problems: readonly string[];
}

/** A rule with the sources of its peers. */
export interface RulePlan {
  readonly rule: PolicyRule;
  readonly sources: readonly AddressSource[];
}

export function directionPlan(policy: PolicyId, direction: Direction, plans: readonly RulePlan[]): DirectionPlan {
  const sources = new Map(plans.flatMap(({ sources }) => sources.map((source) => [source.id, source])));
  const ports = plans.flatMap(({ rule }) => (rule.ports === "any" ? [] : rule.ports));
  return {
    rules: { policy, direction, rules: plans.map(({ rule }) => rule) },
    sources: [...sources.values()],
    portKeys: [...new Set(ports.flatMap(portKeys))],
  };
}

function portKeys(port: PortMatch): readonly string[] {
  return port.kind === "named" ? [namedPortKey(port.name, port.protocol)] : [];
}

/** `networkpolicy/default/web ingress 0`; with the rule's own name: `clusternetworkpolicy/strict egress 2 "no metadata"`. */
export function ruleId(
  policy: PolicyId,
  direction: Direction,
  rule: { readonly index: number; readonly name?: string | undefined },
): string {
  const name = rule.name === undefined || rule.name === "" ? "" : ` ${JSON.stringify(rule.name)}`;
  return `${policy} ${direction} ${rule.index}${name}`;
}
