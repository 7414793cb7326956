/**
 * Whether a connection may be, and why: the answer that all enforcers have to give. Both ends are asked, the source's
 * egress and the destination's ingress; an end that is no pod has nothing to say. Replies belong to their connection.
 * Source: Kubernetes documentation, "Network Policies"; policy.networking.k8s.io, order of tiers.
 */
import type { IpAddress } from "#base/ip-address.ts";
import { matchesPeer, matchesPorts } from "./match-rule.ts";
import {
  type Direction,
  type Flow,
  type PodId,
  type PodRules,
  type PolicyId,
  type PolicyRule,
  type RuleModel,
  ruleKey,
} from "./rule-model.ts";

export type DecisionReason =
  /** This end is no pod that policies apply to. */
  | { readonly kind: "no pod" }
  /** A pod may always reach itself. */
  | { readonly kind: "self" }
  /** A pod and the node that it runs on may always reach each other. */
  | { readonly kind: "own node" }
  /** No policy selects the pod in this direction. */
  | { readonly kind: "no policy" }
  /** Policies were asked and none of their rules matched; what is not isolated is open. */
  | { readonly kind: "no rule" }
  | { readonly kind: "rule"; readonly policy: PolicyId; readonly rule: string }
  /** NetworkPolicies select the pod and none of their rules matched. */
  | { readonly kind: "isolation"; readonly policies: readonly PolicyId[] };

export interface DirectionVerdict {
  readonly direction: Direction;
  /** Whose rules were asked. */
  readonly pod: PodId | undefined;
  readonly allowed: boolean;
  readonly reason: DecisionReason;
  /** Rules that matched before and passed the question on to the next tier. */
  readonly passed: readonly string[];
  /** Of the rules that would have let it through, the one that missed least. Only when it is denied. */
  readonly nearest: NearMiss | undefined;
}

export interface NearMiss {
  readonly policy: PolicyId;
  readonly rule: PolicyRule;
  /** What did not match. */
  readonly misses: readonly ("peer" | "port")[];
}

export interface Verdict {
  readonly flow: Flow;
  readonly allowed: boolean;
  readonly egress: DirectionVerdict;
  readonly ingress: DirectionVerdict;
}

export interface VerdictContext {
  /** Whether the address is one of the node that the pod runs on: rules alone do not say. */
  isOwnNode?(pod: PodId, address: IpAddress): boolean;
  /** False: `nearest` is left out, for those who only count. Default: true. */
  readonly needsNearest?: boolean;
}

export function verdict(model: RuleModel, flow: Flow, context: VerdictContext = {}): Verdict {
  return createVerdicts(model, context)(flow);
}

/** For many flows: `verdict` without looking for the pods anew each time. */
export function createVerdicts(model: RuleModel, context: VerdictContext = {}): (flow: Flow) => Verdict {
  const pods = new Map<IpAddress, PodRules>();
  for (const pod of model.pods.values()) for (const address of pod.addresses) pods.set(address, pod);
  return (flow) => {
    const [source, destination] = [pods.get(flow.source), pods.get(flow.destination)];
    const isSelf = flow.source === flow.destination || (source !== undefined && source === destination);
    const decide = (pod: PodRules | undefined, direction: Direction): DirectionVerdict => {
      if (pod === undefined) return allowed(direction, undefined, { kind: "no pod" });
      if (isSelf) return allowed(direction, pod, { kind: "self" });
      const peer = direction === "egress" ? flow.destination : flow.source;
      if (context.isOwnNode?.(pod.pod, peer)) return allowed(direction, pod, { kind: "own node" });
      return decideDirection(model, pod, { direction, flow, peer, needsNearest: context.needsNearest !== false });
    };
    const [egress, ingress] = [decide(source, "egress"), decide(destination, "ingress")];
    return { flow, allowed: egress.allowed && ingress.allowed, egress, ingress };
  };
}

interface Question {
  readonly direction: Direction;
  readonly flow: Flow;
  readonly peer: IpAddress;
  readonly needsNearest: boolean;
}

interface Hit {
  readonly policy: PolicyId;
  readonly rule: PolicyRule;
}

function decideDirection(model: RuleModel, pod: PodRules, question: Question): DirectionVerdict {
  const { direction } = question;
  const { admin, network, baseline } = pod[direction];
  const asked: PolicyId[] = [];
  const passed: string[] = [];
  const decided = (policies: readonly PolicyId[]): Hit | undefined => {
    asked.push(...policies);
    const hit = firstMatch(model, policies, question);
    if (hit?.rule.action !== "pass") return hit;
    passed.push(hit.rule.id);
    return undefined;
  };
  const answer = (isAllowed: boolean, reason: DecisionReason): DirectionVerdict => ({
    direction,
    pod: pod.pod,
    allowed: isAllowed,
    reason,
    passed,
    nearest: isAllowed || !question.needsNearest ? undefined : nearestMiss(model, asked, question),
  });
  const byRule = ({ policy, rule }: Hit) => answer(rule.action === "accept", { kind: "rule", policy, rule: rule.id });

  const first = decided(admin);
  if (first !== undefined) return byRule(first);
  if (network.length > 0) {
    const second = decided(network);
    return second === undefined ? answer(false, { kind: "isolation", policies: network }) : byRule(second);
  }
  const third = decided(baseline);
  if (third !== undefined) return byRule(third);
  return answer(true, { kind: admin.length + baseline.length === 0 ? "no policy" : "no rule" });
}

function firstMatch(model: RuleModel, policies: readonly PolicyId[], question: Question): Hit | undefined {
  for (const { policy, rule } of rulesOf(model, policies, question.direction)) {
    const { peer, flow } = question;
    if (matchesPorts(rule, flow, model) && matchesPeer(rule, peer, model)) return { policy, rule };
  }
  return undefined;
}

/** A port that misses is nearer than a peer that misses; then the order of evaluation counts. */
function nearestMiss(model: RuleModel, policies: readonly PolicyId[], question: Question): NearMiss | undefined {
  let nearest: NearMiss | undefined;
  const distance = ({ misses }: NearMiss): number => misses.length * 2 + (misses.includes("peer") ? 1 : 0);
  for (const { policy, rule } of rulesOf(model, policies, question.direction)) {
    if (rule.action !== "accept") continue;
    const miss: NearMiss = { policy, rule, misses: missesOf(model, rule, question) };
    if (miss.misses.length > 0 && (nearest === undefined || distance(miss) < distance(nearest))) nearest = miss;
  }
  return nearest;
}

function missesOf(model: RuleModel, rule: PolicyRule, { flow, peer }: Question): NearMiss["misses"] {
  return [
    ...(matchesPeer(rule, peer, model) ? [] : (["peer"] as const)),
    ...(matchesPorts(rule, flow, model) ? [] : (["port"] as const)),
  ];
}

function rulesOf(model: RuleModel, policies: readonly PolicyId[], direction: Direction): readonly Hit[] {
  return policies.flatMap((policy) =>
    (model.directions.get(ruleKey(policy, direction))?.rules ?? []).map((rule) => ({ policy, rule })),
  );
}

function allowed(direction: Direction, pod: PodRules | undefined, reason: DecisionReason): DirectionVerdict {
  return { direction, pod: pod?.pod, allowed: true, reason, passed: [], nearest: undefined };
}
