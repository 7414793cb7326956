/** The rule that decided, in the words of `nft`, with its comment and counter, as the kernel lists it. */
import { POLICY_TABLE } from "#dataplane/policy/nftables/frame.ts";
import { listRules } from "#kernel/nfnetlink/nft-query.ts";
import type { NftRule } from "#kernel/nfnetlink/rule.ts";
import { createNftSocket } from "#kernel/nfnetlink/transaction.ts";
import { describeRule } from "#trace/path/describe-rule.ts";
import type { NetnsWorld } from "./probe/ask-in-netns.ts";
import type { Decision } from "./probe/watch-decisions.ts";
import type { KernelProof } from "./report/policy-test-report.ts";

/** The drop; of what was let through, the rules of policies, in the order of the hooks. */
export type DescribeDecisions = (decisions: readonly Decision[]) => readonly KernelProof[];

/** Reads the rules of each node's table once, when the first decision of it is described: call while they are there. */
export function createDecisionReader({ nodes, reasonOf }: Pick<NetnsWorld, "nodes" | "reasonOf">): DescribeDecisions {
  const tables = new Map<string, ReadonlyMap<number, NftRule>>();
  const rulesOf = (node: string, table: string): ReadonlyMap<number, NftRule> => {
    const key = `${node} ${table}`;
    const known = tables.get(key);
    if (known !== undefined) return known;
    const netns = nodes.find(({ name }) => name === node)?.netns;
    using nft = netns && createNftSocket(netns);
    const rules = nft === undefined ? [] : listRules(nft, { family: "inet", table });
    const byHandle = new Map(
      rules.flatMap((rule) => (rule.handle === undefined ? [] : [[rule.handle, rule] as const])),
    );
    tables.set(key, byHandle);
    return byHandle;
  };
  const describe = ({ node, table, chain, handle, verdict }: Decision): KernelProof => {
    const rule = handle === undefined ? undefined : rulesOf(node, table).get(handle);
    const place = `inet ${table} ${chain}${handle === undefined ? "" : ` handle ${handle}`}`;
    if (rule === undefined) return { node, place, verdict };
    const reason = rule.comment === undefined ? undefined : (reasonOf?.(rule.comment) ?? rule.comment);
    return { node, place, rule: describeRule(rule), reason, packets: packetsOf(rule), verdict };
  };
  return (decisions) => {
    const drop = decisions.find(({ verdict }) => verdict === "drop");
    if (drop !== undefined) return [describe(drop)];
    const rules = decisions.filter(({ handle, table }) => handle !== undefined && table === POLICY_TABLE.table);
    return rules.map(describe).filter(({ reason }) => reason !== undefined);
  };
}

function packetsOf({ expressions }: NftRule): number | undefined {
  const counter = expressions.find((expression) => expression.kind === "counter");
  return counter !== undefined && "packets" in counter ? Number(counter.packets) : undefined;
}
