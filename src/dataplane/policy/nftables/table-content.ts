/**
 * What a table should hold, as data: fragments that come from one thing each (a pod, one direction of a policy, a set of
 * addresses), so that a change of that thing costs what its fragment costs. A set that several fragments use is there
 * while one of them does.
 */
import type { BaseChain } from "#kernel/nfnetlink/chain.ts";
import type { Expression } from "#kernel/nfnetlink/expression.ts";
import type { NftSet } from "#kernel/nfnetlink/set.ts";
import type { NftSetElement } from "#kernel/nfnetlink/set-element.ts";
import type { Direction, PodId } from "#policy/rule-model.ts";

export interface RuleDecision {
  readonly direction: Direction;
  /** Undefined where pods share the rule. */
  readonly pod: PodId | undefined;
  readonly reason: string;
  readonly verdict: "accept" | "deny" | "pass";
  /** Of its log messages. */
  readonly prefix?: string | undefined;
}

export interface WantedRule {
  readonly expressions: readonly Expression[];
  readonly comment?: string | undefined;
  /** Of rules that count or log: what they decide. */
  readonly decision?: RuleDecision | undefined;
}

export interface WantedChain {
  readonly base?: BaseChain | undefined;
  readonly rules: readonly WantedRule[];
}

export interface WantedSet {
  readonly set: string;
  readonly key: NftSet["key"];
  readonly data?: NftSet["data"];
  readonly flags?: NftSet["flags"];
  readonly comment?: string | undefined;
  /** What a set holds whose name says so: it never changes. Others get theirs by `elements` of fragments. */
  readonly fixed?: readonly NftSetElement[] | undefined;
}

export interface WantedElement {
  readonly set: string;
  readonly element: NftSetElement;
}

export interface Fragment {
  readonly chains: ReadonlyMap<string, WantedChain>;
  /** Sets that it uses or fills. */
  readonly sets: ReadonlyMap<string, WantedSet>;
  /** By `elementId`. No two fragments have one element. */
  readonly elements: ReadonlyMap<string, WantedElement>;
}

export function fragment(parts: {
  readonly chains?: Iterable<readonly [string, WantedChain]>;
  readonly sets?: Iterable<WantedSet>;
  readonly elements?: Iterable<WantedElement>;
}): Fragment {
  return {
    chains: new Map(parts.chains),
    sets: new Map([...(parts.sets ?? [])].map((set) => [set.set, set])),
    elements: elementMap(parts.elements ?? []),
  };
}

export function elementMap(elements: Iterable<WantedElement>): Map<string, WantedElement> {
  return new Map([...elements].map((wanted) => [elementId(wanted.set, wanted.element), wanted]));
}

/** Start and end of two adjoining ranges have one key, but not one flag. */
export function elementId(set: string, { key, keyEnd, flags }: NftSetElement): string {
  return `${set} ${hex(key)}${keyEnd ? `-${hex(keyEnd)}` : ""}${flags?.includes("interval-end") ? " end" : ""}`;
}

export function isSameElement(a: NftSetElement, b: NftSetElement): boolean {
  return describeData(a) === describeData(b) && (a.comment ?? "") === (b.comment ?? "");
}

function describeData({ data }: NftSetElement): string {
  if (data === undefined) return "";
  return data instanceof Uint8Array ? hex(data) : `${data.verdict} ${data.chain ?? ""}`;
}

function hex(bytes: Uint8Array = new Uint8Array()): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex");
}
