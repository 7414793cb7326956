/**
 * Removes chains and rules that other programs left in an nf_tables ruleset (iptables-nft and nft alike), without running
 * them. Tables and base chains stay. What to delete is read first, then deleted in one transaction that fails when the
 * ruleset has changed in between; then it is read again.
 * iptables-nft keeps a comment as the extension `comment` inside the rule (struct xt_comment_info, xt_comment.h), nft
 * keeps it in the rule's user data: both are found.
 */
import { cString } from "#base/codec/values.ts";
import type { ChainName } from "./chain.ts";
import { findChain, listRules, readGeneration } from "./nft-query.ts";
import type { NftOperation } from "./operation.ts";
import { jumpTarget, type NftRule, type RuleName } from "./rule.ts";
import type { TableName } from "./table.ts";
import { isStaleGeneration, type NftSocket } from "./transaction.ts";

/** Plans that may be overtaken by other programs' changes before this gives up. */
const ATTEMPTS = 20;

/** Deletes the chain, its rules, and the rules of the table that jump or go to it. Answers whether there was one. */
export function deleteChainAndItsJumps(socket: NftSocket, name: ChainName): boolean {
  const { family, table, chain } = name;
  const operations = commitPlanned(socket, `delete chain ${family} ${table} ${chain} and the jumps to it`, () =>
    findChain(socket, name) ? planChainRemoval(name, listRules(socket, { family, table })) : [],
  );
  return operations > 0;
}

/** The jumps first, since a chain that is jumped to cannot go. */
export function planChainRemoval(name: ChainName, rules: readonly NftRule[]): readonly NftOperation[] {
  const { family, table, chain } = name;
  const jumps = rules.filter(
    (rule) => rule.chain !== chain && rule.expressions.some((expression) => jumpTarget(expression) === chain),
  );
  const target = { family, table, chain };
  return [...jumps.flatMap(deletionOf), { do: "flush chain", chain: target }, { do: "delete chain", chain: target }];
}

/** Deletes the rules of the table that carry a comment which passes. Answers their number. */
export function deleteRulesByComment(
  socket: NftSocket,
  name: TableName,
  matches: (comment: string) => boolean,
): number {
  return commitPlanned(socket, `delete rules by comment in ${name.family} ${name.table}`, () =>
    listRules(socket, name)
      .filter((rule) => ruleComments(rule).some(matches))
      .flatMap(deletionOf),
  );
}

/** Comments of a rule: the one `nft` shows, and those of the iptables extension. */
export function ruleComments(rule: NftRule): readonly string[] {
  const comments = rule.comment === undefined ? [] : [rule.comment];
  for (const expression of rule.expressions) {
    if (expression.kind !== "match" || expression.name !== "comment" || expression.info === undefined) continue;
    comments.push(cString.read(Buffer.from(expression.info), 0, expression.info.length));
  }
  return comments;
}

function deletionOf({ family, table, chain, handle }: NftRule): readonly NftOperation[] {
  if (handle === undefined) return [];
  const rule: RuleName = { family, table, chain, handle };
  return [{ do: "delete rule", rule }];
}

/** Commits what `plan` reads from the ruleset, provided that it is still the same ruleset. Answers the number of changes. */
function commitPlanned(socket: NftSocket, operation: string, plan: () => readonly NftOperation[]): number {
  for (let attempt = 1; ; attempt++) {
    const generation = readGeneration(socket);
    const operations = plan();
    try {
      socket.commit(operations, operation, { generation });
      return operations.length;
    } catch (error) {
      if (!isStaleGeneration(error) || attempt === ATTEMPTS) throw error; // else: somebody was faster, look again
    }
  }
}
