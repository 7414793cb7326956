/**
 * Chains of others that drop what nodes forward, as Docker's `iptables -P FORWARD DROP` does. A table of ours cannot
 * overrule them: a packet has to be accepted by every table. So they are told, with the commands that let pods through;
 * whether rules of somebody else's firewall are to change is the owner's decision.
 */
import { addressBytes, formatPrefix, networkOf, type Prefix } from "#base/ip-address.ts";
import type { NftChain } from "#kernel/nfnetlink/chain.ts";
import type { Expression } from "#kernel/nfnetlink/expression.ts";
import { listChains, listRules, listTables } from "#kernel/nfnetlink/nft-query.ts";
import type { NftRule } from "#kernel/nfnetlink/rule.ts";
import type { NftSocket } from "#kernel/nfnetlink/transaction.ts";

const FAMILIES_OF_TABLES: Readonly<Record<string, readonly number[]>> = { ip: [4], ip6: [6], inet: [4, 6] };

/** As sentences, with what to do. */
export function forwardDrops(nft: NftSocket, networks: readonly Prefix[]): readonly string[] {
  return listTables(nft)
    .filter(({ family, table }) => family in FAMILIES_OF_TABLES && !table.startsWith("podwire"))
    .flatMap((table) => {
      const chains = listChains(nft, table).filter(dropsByDefault);
      return chains.length === 0 ? [] : findForwardDrops(chains, listRules(nft, table), networks);
    });
}

/** `rules`: all of the chains' table. Pure. */
export function findForwardDrops(
  chains: readonly NftChain[],
  rules: readonly NftRule[],
  networks: readonly Prefix[],
): readonly string[] {
  return chains.filter(dropsByDefault).flatMap((chain) =>
    networks
      .map(networkOf)
      .filter(({ family }) => FAMILIES_OF_TABLES[chain.family]?.includes(family))
      .filter((network) => !rules.some((rule) => accepts(rule, network)))
      .map((network) => describe(chain, network)),
  );
}

function dropsByDefault({ base }: NftChain): boolean {
  return base?.hook === "forward" && base.policy === "drop";
}

/** Every packet, or those from or to the network. Whether the rule is reached, and what else it asks for, is not looked at. */
function accepts({ expressions }: NftRule, network: Prefix): boolean {
  if (!expressions.some(isAccept)) return false;
  if (expressions.every((one) => isAccept(one) || one.kind === "counter")) return true;
  const bytes = addressBytes(network.address).subarray(0, Math.ceil(network.length / 8));
  return expressions.some(
    (one) => one.kind === "cmp" && one.data.length >= bytes.length && Buffer.from(one.data).indexOf(bytes) === 0,
  );
}

function isAccept(expression: Expression): boolean {
  if (expression.kind === "target") return expression.name === "ACCEPT";
  return (
    expression.kind === "immediate" && !(expression.data instanceof Uint8Array) && expression.data.verdict === "accept"
  );
}

function describe({ family, table, chain }: NftChain, network: Prefix): string {
  const text = formatPrefix(network);
  const isIptables = table === "filter" && chain === "FORWARD" && family !== "inet";
  const program = family === "ip6" ? "ip6tables" : "iptables";
  const header = network.family === 4 ? "ip" : "ip6";
  const commands = isIptables
    ? ["-s", "-d"].map((flag) => `${program} -I FORWARD ${flag} ${text} -j ACCEPT`)
    : ["saddr", "daddr"].map((side) => `nft insert rule ${family} ${table} ${chain} ${header} ${side} ${text} accept`);
  return `chain "${chain}" of nft table "${family} ${table}" drops by its policy what nodes forward, and none of its rules accepts pods (${text}): run ${commands.join("; ")}`;
}
