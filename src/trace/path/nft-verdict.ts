/**
 * What the firewall rules of a namespace do with a packet at a hook, by running them on the facts that were read: which
 * rule drops or translates it. What this program cannot evaluate counts as "does not match" and is named as uncertain.
 * Source: net/netfilter/nf_tables_core.c (nft_do_chain), Linux 6.1.
 */
import { u32host } from "#base/codec/values.ts";
import { familyOf } from "#base/ip-address.ts";
import type { NftChain, NftHook } from "#kernel/nfnetlink/chain.ts";
import type { Expression } from "#kernel/nfnetlink/expression.ts";
import type { NftRule } from "#kernel/nfnetlink/rule.ts";
import type { NftTableFacts } from "../facts/world-facts.ts";
import { describeRule } from "./describe-rule.ts";
import { lookupElement } from "./nft-lookup.ts";
import { type NatTarget, natTarget } from "./nft-nat.ts";
import { ctBytes, fibBytes, host32, metaBytes, type NftPacket, payloadBytes, swapped } from "./nft-packet.ts";
import { NFTABLES_REGISTER_BYTES, registerOffset } from "./nft-registers.ts";
import { type PolicyDrop, policyOfDrop } from "./policy-of-drop.ts";

export interface NftOutcome {
  readonly kind: "accept" | "drop" | "masquerade" | "snat" | "dnat";
  /** Where it stands: `table inet filter chain forward handle 4: ip daddr 10.244.2.0/24 drop`. */
  readonly rule?: string | undefined;
  /** No rule said so: the chain drops what it does not accept. */
  readonly isPolicy?: boolean | undefined;
  /** Of dnat: where to, if it could be read. */
  readonly target?: NatTarget | undefined;
  /** Comment of the element of a verdict map that led there: of Services the port's id. */
  readonly element?: string | undefined;
  /** Of how many targets the kernel takes one by chance. */
  readonly alternatives?: number | undefined;
  /** Of drops by our policies. */
  readonly policy?: PolicyDrop | undefined;
  /** The packet's mark behind the hook. */
  readonly mark: number;
  /** Rules that could not be evaluated. */
  readonly uncertain: readonly string[];
}

type RuleEnd =
  | { readonly verdict: string | number; readonly chain?: string | undefined; readonly target?: NatTarget | undefined }
  | "next"
  | "unknown";

export function nftVerdict(at: NftPacket, hook: NftHook, families?: readonly string[]): NftOutcome {
  const run: Omit<Run, "table"> = { at, uncertain: [], state: { mark: at.packet.mark ?? 0 } };
  const { uncertain, state } = run;
  const wanted = families ?? ["inet", familyOf(at.packet.destination) === 4 ? "ip" : "ip6"];
  const chains = at.namespace.tables
    .filter(({ family }) => wanted.includes(family))
    .flatMap((table) => table.chains.map((chain) => ({ table, chain })))
    .filter(({ chain }) => chain.base?.hook === hook)
    // Only the first packet of a connection passes chains of type nat.
    .filter(({ chain }) => chain.base?.type !== "nat" || at.packet.isAnswer !== true)
    .toSorted((a, b) => (a.chain.base?.priority ?? 0) - (b.chain.base?.priority ?? 0));
  for (const { table, chain } of chains) {
    const end = runChain({ ...run, table }, chain, 0);
    if (end !== undefined && end.kind !== "accept") return { ...end, ...state, uncertain };
    if (end === undefined && chain.base?.policy === "drop") {
      return { kind: "drop", rule: `${describeChain(chain)}: policy drop`, isPolicy: true, ...state, uncertain };
    }
  }
  return { kind: "accept", ...state, uncertain };
}

interface Run {
  readonly at: NftPacket;
  readonly table: NftTableFacts;
  readonly uncertain: string[];
  /** What rules change for those behind them. */
  readonly state: { mark: number; element?: string | undefined; alternatives?: number | undefined };
}

type ChainEnd = Omit<NftOutcome, "uncertain" | "mark">;

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
    if (verdict === "masquerade" || verdict === "snat" || verdict === "dnat")
      return { kind: verdict, rule: where(), target: end.target };
    return { kind: "drop", rule: where(), policy: policyOfDrop(run.table, rule) };
  }
  return undefined;
}

function runRule(run: Run, rule: NftRule): RuleEnd {
  const registers = Buffer.alloc(NFTABLES_REGISTER_BYTES);
  for (const expression of rule.expressions) {
    const end = runExpression(run, { registers, rule }, expression);
    if (end !== "go on") return end;
  }
  return "next";
}

interface RuleRun {
  readonly registers: Buffer;
  readonly rule: NftRule;
}

function runExpression(
  { at, table, state }: Run,
  { registers, rule }: RuleRun,
  expression: Expression,
): RuleEnd | "go on" {
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
      if (expression.key !== "mark") return load(expression.dreg, metaBytes(at, expression.key));
      if (expression.dreg !== undefined) return load(expression.dreg, host32(state.mark));
      if (expression.sreg !== undefined) state.mark = u32host.read(read(expression.sreg, 4), 0, 4);
      return "go on";
    case "numgen": {
      // Which of the targets a translation takes is the caller's choice; other uses nobody can foresee.
      if (!rule.expressions.some(({ kind }) => kind === "nat")) return "unknown";
      state.alternatives = expression.modulus;
      return load(expression.dreg, host32((at.choice ?? 0) % expression.modulus));
    }
    case "dynset":
      return "go on";
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
      if (!(found.data instanceof Uint8Array)) {
        state.element = found.comment;
        return found.data;
      }
      return load(expression.dreg, Buffer.from(found.data));
    }
    case "immediate":
      if (expression.data instanceof Uint8Array) return load(expression.dreg, Buffer.from(expression.data));
      return expression.data;
    case "masq":
      return { verdict: "masquerade" };
    case "nat":
      return { verdict: String(expression.type), target: natTarget(expression, read) };
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
