/**
 * Parts of rules that spread connections over backends which are elements of a map, with or without a memory of which
 * client got which. What `nft` says about one of them:
 *   dnat ip to ip daddr . meta l4proto . th dport . numgen random mod 3 map @endpoints
 * Source: net/netfilter/nft_numgen.c, nft_dynset.c, Linux 6.1. A map that rules write to keeps the data of an element that
 * is there, whatever is added: it has to be deleted first.
 */
import { pad4 } from "./data-type.ts";
import type { Expression } from "./expression.ts";
import { mark, type Selector } from "./selectors.ts";
import { loadConcat, registerAt, type Statement } from "./statements.ts";

/** `numgen random mod 3`: 0, 1 or 2 in 4 bytes of the host's order; another number for each packet that looks. */
export function numgenRandom(modulus: number): Selector {
  return { bytes: 4, load: (dreg) => ({ kind: "numgen", type: "random", modulus, offset: 0, dreg }) };
}

export interface StickyDnat {
  readonly family: "ip" | "ip6";
  /** What tells clients apart: `ip saddr`. */
  readonly client: Selector;
  /** What tells where the client went: `ip daddr`, `meta l4proto`, `th dport`. */
  readonly frontend: readonly Selector[];
  /** Map of client . frontend to the mark of a backend; rules write to it. */
  readonly memory: string;
  /** Map of frontend . mark to backend address . port. */
  readonly backends: string;
  readonly timeoutMs: number;
}

/**
 * To the backend that the client had the last time, and remembers it for another while; the rule ends here for a client
 * that is not known, and for a backend that is none any more.
 */
export function dnatRemembered(sticky: StickyDnat): Statement {
  const { markRegister } = registers(sticky);
  return [
    ...loadConcat([sticky.client, ...sticky.frontend]),
    { kind: "lookup", set: sticky.memory, sreg: registerAt(0), dreg: markRegister },
    ...asMark(sticky),
    remember("update", sticky),
    ...dnatByMark(sticky),
  ];
}

/** To a backend by its mark in the map `marks` (frontend . index), and remembers it. The rule ends when the memory is full. */
export function dnatAndRemember(sticky: StickyDnat, marks: string, index: Selector): Statement {
  const { frontendRegister, markRegister } = registers(sticky);
  return [
    ...loadConcat([sticky.client, ...sticky.frontend]),
    // The kernel wants data with it, and does not look at it.
    { kind: "dynset", set: sticky.memory, op: "delete", sregKey: registerAt(0), sregData: registerAt(0) },
    index.load(markRegister),
    { kind: "lookup", set: marks, sreg: frontendRegister, dreg: markRegister },
    ...asMark(sticky),
    remember("add", sticky),
    ...dnatByMark(sticky),
  ];
}

function remember(op: "add" | "update", sticky: StickyDnat): Expression {
  const { memory: set, timeoutMs } = sticky;
  return { kind: "dynset", set, op, sregKey: registerAt(0), sregData: registers(sticky).markRegister, timeoutMs };
}

/**
 * What a map has answered goes through the packet's mark, which is put back at once. `nft` (1.0.6) ends with a failed
 * assertion when it lists a rule in which the answer of a map is part of a key, because it does not know its length.
 */
function asMark(sticky: StickyDnat): Statement {
  const { markRegister, freeRegister } = registers(sticky);
  return [
    mark.load(freeRegister),
    { kind: "meta", key: "mark", sreg: markRegister },
    mark.load(markRegister),
    { kind: "meta", key: "mark", sreg: freeRegister },
  ];
}

function dnatByMark(sticky: StickyDnat): Statement {
  const { family, backends } = sticky;
  const { frontendRegister } = registers(sticky);
  return [
    { kind: "lookup", set: backends, sreg: frontendRegister, dreg: registerAt(0) },
    { kind: "nat", type: "dnat", family, addrMin: registerAt(0), protoMin: registerAt(family === "ip" ? 4 : 16) },
  ];
}

/** From the first on: client . frontend . mark, and a free one. */
function registers({ client, frontend }: StickyDnat) {
  const clientBytes = pad4(client.bytes);
  const keyBytes = frontend.reduce((sum, { bytes }) => sum + pad4(bytes), clientBytes);
  return {
    frontendRegister: registerAt(clientBytes),
    markRegister: registerAt(keyBytes),
    freeRegister: registerAt(keyBytes + mark.bytes),
  };
}
