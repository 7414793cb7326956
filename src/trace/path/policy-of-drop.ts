/**
 * Which policy a dropping rule of the policy enforcer stands for, from the comments that its rules have: a rule's own
 * name, or `isolation` at the end of a pod's chain, which jumps to the policies that isolate it before.
 */
import type { NftRule } from "#kernel/nfnetlink/rule.ts";
import type { NftTableFacts } from "../facts/world-facts.ts";

export interface PolicyDrop {
  readonly direction: "ingress" | "egress";
  /** `networkpolicy/default/web`; none for what no policy decides, such as spoofed addresses. */
  readonly policies: readonly string[];
  /** `clusternetworkpolicy/strict ingress 0`, `isolation`, `unknown pod`, … */
  readonly rule: string;
}

const TABLE = "podwire-policy";

export function policyOfDrop({ table, rules }: NftTableFacts, rule: NftRule): PolicyDrop | undefined {
  const { chain, comment } = rule;
  if (table !== TABLE || comment === undefined) return undefined;
  const ofRule = /^((?:network|clusternetwork)policy\/\S+) (ingress|egress) /.exec(comment);
  if (ofRule !== null) {
    const [, policy = "", direction] = ofRule;
    return { direction: direction === "ingress" ? "ingress" : "egress", policies: [policy], rule: comment };
  }
  const direction = /^(unknown\/)?ingress\b/.test(chain) ? "ingress" : "egress";
  const jumps = rules.filter((one) => one.chain === chain && one.comment !== undefined && one.comment !== comment);
  const policies = comment === "isolation" ? jumps.flatMap((one) => one.comment ?? []) : [];
  return { direction, policies, rule: comment };
}

/** `egress networkpolicy/default/web: isolation` */
export function describePolicyDrop({ direction, policies, rule }: PolicyDrop): string {
  const named = policies.filter((policy) => !rule.startsWith(`${policy} `));
  return `${direction} ${named.length === 0 ? "" : `${named.join(", ")}: `}${rule}`;
}
