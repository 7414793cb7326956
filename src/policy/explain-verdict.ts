/** The model's answer in words, one line for each direction, and which policies decided. */
import { describeRule, explainMiss } from "./explain-miss.ts";
import type { PolicyWorld } from "./policy-world.ts";
import type { Flow } from "./rule-model.ts";
import type { DirectionVerdict, Verdict } from "./verdict.ts";

/** `ingress of shop/db: denied: isolated by networkpolicy/shop/db, and none of their ingress rules matches` */
export function explainVerdict(world: PolicyWorld, { flow, egress, ingress }: Verdict): readonly string[] {
  return [egress, ingress].flatMap((one) => explainDirection(world, one, flow));
}

/** In words of `because`: policies, and `isolation` where no rule denied it. */
export function causesOf({ allowed, egress, ingress }: Verdict): readonly string[] {
  const asked = [egress, ingress].filter((direction) => allowed || !direction.allowed);
  return [...new Set(asked.flatMap(causesOfDirection))];
}

/** What the rule that drops the packet says in its comment: egress is asked first. */
export function dropReason({ egress, ingress }: Verdict): string | undefined {
  const denying = [egress, ingress].find((direction) => !direction.allowed);
  if (denying === undefined) return undefined;
  return denying.reason.kind === "rule" ? denying.reason.rule : denying.reason.kind;
}

function causesOfDirection({ reason }: DirectionVerdict): readonly string[] {
  switch (reason.kind) {
    case "rule":
      return [reason.policy];
    case "isolation":
      return ["isolation", ...reason.policies];
    default:
      return [];
  }
}

function explainDirection(world: PolicyWorld, one: DirectionVerdict, flow: Flow): readonly string[] {
  if (one.reason.kind === "no pod") return [];
  const passed = one.passed.length === 0 ? "" : `, after ${one.passed.join(", ")} passed it on`;
  const head = `${one.direction} of ${one.pod}: ${one.allowed ? "allowed" : "denied"}: ${describeReason(one)}${passed}`;
  const { direction, nearest } = one;
  if (nearest === undefined) return [head];
  const misses = explainMiss(world, { flow, direction, nearest }).join(", and ");
  return [head, `  nearest: rule ${nearest.rule.id} allows ${describeRule(nearest.rule, direction)}; but ${misses}`];
}

function describeReason({ reason, direction, allowed }: DirectionVerdict): string {
  switch (reason.kind) {
    case "rule":
      return `${allowed ? "" : "refused "}by rule ${reason.rule}`;
    case "isolation":
      return `isolated by ${reason.policies.join(", ")}, and none of their ${direction} rules matches`;
    case "no policy":
      return "no policy selects it in this direction";
    case "no rule":
      return "no rule of a policy matches, and nothing isolates it";
    case "self":
      return "a pod always reaches itself";
    case "own node":
      return "a pod and its own node always reach each other";
    case "no pod":
      return "it is no pod";
  }
}
