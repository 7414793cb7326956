/**
 * What the firewall rules of a namespace do with a packet at a hook, by running them on the facts that were read: which
 * rule drops or translates it. What this program cannot evaluate counts as "does not match" and is named as uncertain.
 * Source: net/netfilter/nf_tables_core.c (nft_do_chain), Linux 6.1.
 */
import { familyOf } from "#base/ip-address.ts";
import type { NftChain, NftHook } from "#kernel/nfnetlink/chain.ts";
import type { Expression } from "#kernel/nfnetlink/expression.ts";
import type { NftRule } from "#kernel/nfnetlink/rule.ts";
import type { NftTableFacts } from "../facts/world-facts.ts";
import { describeRule } from "./describe-rule.ts";
import { lookupElement } from "./nft-lookup.ts";
import { ctBytes, fibBytes, metaBytes, type NftPacket, payloadBytes, swapped } from "./nft-packet.ts";
import { NFTABLES_REGISTER_BYTES, registerOffset } from "./nft-registers.ts";

export interface NftOutcome {
  readonly kind: "accept" | "drop" | "masquerade" | "snat" | "dnat";
  /** Where it stands: `table inet filter chain forward handle 4: ip daddr 10.244.2.0/24 drop`. */
  readonly rule?: string | undefined;
  /** Rules that could not be evaluated. */
  readonly uncertain: readonly string[];
}

type RuleEnd = { readonly verdict: string | number; readonly chain?: string | undefined } | "next" | "unknown";

export function nftVerdict(at: NftPacket, hook: NftHook, families?: readonly string[]): NftOutcome {
  const uncertain: string[] = [];
  const wanted = families ?? ["inet", familyOf(at.packet.destination) === 4 ? "ip" : "ip6"];
  const chains = at.namespace.tables
    .filter(({ family }) => wanted.includes(family))
    .flatMap((table) => table.chains.map((chain) => ({ table, chain })))
    .filter(({ chain }) => chain.base?.hook === hook)
    // Only the first packet of a connection passes chains of type nat.
    .filter(({ chain }) => chain.base?.type !== "nat" || at.packet.isAnswer !== true)
    .toSorted((a, b) => (a.chain.base?.priority ?? 0) - (b.chain.base?.priority ?? 0));
  for (const { table, chain } of chains) {
    const end = runChain({ at, table, uncertain }, chain, 0);
    if (end !== undefined && end.kind !== "accept") return { ...end, uncertain };
    if (end === undefined && chain.base?.policy === "drop") {
      return { kind: "drop", rule: `${describeChain(chain)}: policy drop`, uncertain };
    }
  }
  return { kind: "accept", uncertain };
}

interface Run {
  readonly at: NftPacket;
  readonly table: NftTableFacts;
  readonly uncertain: string[];
}

type ChainEnd = Omit<NftOutcome, "uncertain">;

/** NFT_JUMP_STACK_SIZE */
const MAX_JUMPS = 16;

/** Undefined: the end of the chain, or `return`. */
function runChain(run: Run, chain: NftChain, depth: number): ChainEnd | undefined {
  for (const rule of run.table.rules) {
    if (rule.chain !== chain.chain) continue;
    const end = runRule(run, rule);
    const where = () =>
      `${describeChain(chain)}${rule.handle === undefined ? "" : ` handle ${rule.handle}`}: ${describeRule(rule)}`;
    if (end === "unknown") run.uncertain.push(where());
    if (end === "next" || end === "unknown") continue;
    const { verdict } = end;
    if (verdict === "return") return undefined;
    if (verdict === "jump" || verdict === "goto") {
      const target = run.table.chains.find(({ chain: name }) => name === end.chain);
      const inside = target === undefined || depth >= MAX_JUMPS ? undefined : runChain(run, target, depth + 1);
      if (inside !== undefined) return inside;
      if (verdict === "goto") return undefined;
      continue;
    }
    if (verdict === "continue" || verdict === "break") continue;
    if (verdict === "accept") return { kind: "accept", rule: where() };
    if (verdict === "masquerade" || verdict === "snat" || verdict === "dnat") return { kind: verdict, rule: where() };
    return { kind: "drop", rule: where() };
  }
  return undefined;
}

function runRule(run: Run, rule: NftRule): RuleEnd {
  const registers = Buffer.alloc(NFTABLES_REGISTER_BYTES);
  for (const expression of rule.expressions) {
    const end = runExpression(run, registers, expression);
    if (end !== "go on") return end;
  }
  return "next";
}

function runExpression({ at, table }: Run, registers: Buffer, expression: Expression): RuleEnd | "go on" {
  const load = (dreg: number | undefined, bytes: Buffer | undefined): RuleEnd | "go on" => {
    if (dreg === undefined) return "go on"; // writes to the packet instead: a mark, for example
    if (bytes === undefined) return "unknown";
    registers.fill(0, registerOffset(dreg), registerOffset(dreg) + Math.ceil(bytes.length / 4) * 4);
    bytes.copy(registers, registerOffset(dreg));
    return "go on";
  };
  const read = (sreg: number, length: number) =>
    registers.subarray(registerOffset(sreg), registerOffset(sreg) + length);
  const go = (matches: boolean) => (matches ? "go on" : "next");
  switch (expression.kind) {
    case "payload":
      return load(expression.dreg, payloadBytes(at, expression));
    case "meta":
      return load(expression.dreg, metaBytes(at, expression.key));
    case "ct":
      return load(expression.dreg, ctBytes(at, expression.key));
    case "fib":
      return load(expression.dreg, fibBytes(at, expression));
    case "cmp": {
      const order = Buffer.compare(read(expression.sreg, expression.data.length), expression.data);
      return go(compare(String(expression.op), order));
    }
    case "range": {
      const value = read(expression.sreg, expression.from.length);
      const inside = Buffer.compare(value, expression.from) >= 0 && Buffer.compare(value, expression.to) <= 0;
      return go(inside === (expression.op === "=="));
    }
    case "bitwise": {
      const { sreg, dreg, len, mask, xor } = expression;
      if (mask === undefined || xor === undefined) return "unknown";
      const value = read(sreg, len);
      return load(dreg, Buffer.from(value.map((byte, index) => (byte & (mask[index] ?? 0)) ^ (xor[index] ?? 0))));
    }
    case "byteorder":
      return load(expression.dreg, swapped(read(expression.sreg, expression.len), expression.size));
    case "lookup": {
      const set = table.sets.find((one) => one.set === expression.set);
      if (set === undefined) return "unknown";
      const found = lookupElement(set, (length) => read(expression.sreg, length));
      const inverted = expression.flags?.includes("inverted") === true;
      if ((found === undefined) !== inverted) return "next";
      if (expression.dreg === undefined || found?.data === undefined) return "go on";
      if (!(found.data instanceof Uint8Array)) return found.data;
      return load(expression.dreg, Buffer.from(found.data));
    }
    case "immediate":
      if (expression.data instanceof Uint8Array) return load(expression.dreg, Buffer.from(expression.data));
      return expression.data;
    case "masq":
      return { verdict: "masquerade" };
    case "nat":
      return { verdict: String(expression.type) };
    case "redir":
      return { verdict: "dnat" };
    case "reject":
      return { verdict: "drop" };
    case "counter":
    case "log":
    case "limit":
    case "objref":
    case "notrack":
      return "go on";
    case "target":
      return { verdict: iptablesTarget(expression.name) };
    case "match":
      return expression.name === "comment" ? "go on" : "unknown";
    default:
      return "unknown";
  }
}

/** Targets of iptables rules that end a packet's way; all others go on. */
function iptablesTarget(name: string): string {
  if (name === "MASQUERADE") return "masquerade";
  if (name === "SNAT" || name === "DNAT") return name.toLowerCase();
  return name === "REJECT" ? "drop" : "continue";
}

function compare(op: string, order: number): boolean {
  switch (op) {
    case "==":
      return order === 0;
    case "!=":
      return order !== 0;
    case "<":
      return order < 0;
    case "<=":
      return order <= 0;
    case ">":
      return order > 0;
    default:
      return order >= 0;
  }
}

function describeChain({ family, table, chain }: NftChain): string {
  return `table ${family} ${table} chain ${chain}`;
}
