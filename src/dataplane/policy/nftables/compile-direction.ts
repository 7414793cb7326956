/**
 * One direction of a policy as a chain: a rule of `nft` for each peer and kind of port of each rule. Peers are sets by
 * name, so that a pod that comes or goes changes an element and no rule. Pure.
 */
import { addressBytes, type Family } from "#base/ip-address.ts";
import { concat } from "#kernel/nfnetlink/data-type.ts";
import { l4proto, thDport } from "#kernel/nfnetlink/selectors.ts";
import {
  counter,
  inSet,
  match,
  matchFamily,
  matchL4proto,
  matchPrefix,
  matchRange,
  rule,
  type Statement,
  setMarkBits,
  verdict,
} from "#kernel/nfnetlink/statements.ts";
import {
  type AddressSet,
  type AddressSetId,
  type DirectionRules,
  type NamedPortTarget,
  namedPortKey,
  type PolicyProtocol,
  type PolicyRule,
  type PortMatch,
} from "#policy/rule-model.ts";
import { type Block, blockRanges, mergeRanges, rangeElements } from "./address-ranges.ts";
import { bigEndianU16, dropRules, FAMILIES, FIELDS, PASS_MARK, peerAddress } from "./frame.ts";
import { addressSetName, commentText, contentName, namedPortSetName, policyChain } from "./object-names.ts";
import { type Fragment, fragment, type WantedElement, type WantedRule, type WantedSet } from "./table-content.ts";

/** IPPROTO_ of include/uapi/linux/in.h */
export const PROTOCOL_NUMBERS: Readonly<Record<PolicyProtocol, number>> = { TCP: 6, UDP: 17, SCTP: 132 };
const NFT_PROTOCOLS = { TCP: "tcp", UDP: "udp", SCTP: "sctp" } as const;
/** Exceptions that are conditions of the rule; more are a set. */
const INLINE_EXCEPT_MAX = 3;
const LAST_PORT = 0xffff;

/** A condition; of one family, or of both. */
interface Alternative {
  readonly family: Family | undefined;
  readonly statement: Statement;
}

export function compileDirection(
  direction: DirectionRules,
  addressSets: ReadonlyMap<AddressSetId, AddressSet>,
): Fragment {
  const sets = new Map<string, WantedSet>();
  const use = (set: WantedSet): string => {
    sets.set(set.set, set);
    return set.set;
  };
  const rules = (tier?: "baseline"): readonly WantedRule[] =>
    direction.rules.flatMap((one) => compileRule(direction, one, addressSets, use, tier));
  const { policy } = direction;
  return fragment({
    chains: [
      [policyChain(policy, direction.direction), { rules: rules() }],
      ...(passes(direction)
        ? [[policyChain(policy, direction.direction, "baseline"), { rules: rules("baseline") }] as const]
        : []),
    ],
    sets: sets.values(),
  });
}

/** It may send a packet on to the next tier. */
export function passes({ rules }: Pick<DirectionRules, "rules">): boolean {
  return rules.some(({ action }) => action === "pass");
}

export function compileAddressSet(id: AddressSetId, set: AddressSet): Fragment {
  if (set.kind === "block") return fragment({}); // part of the rules that use it
  return fragment({
    sets: FAMILIES.map((family) => addressSet(id, family)),
    elements: Array.from(set.addresses, (address) => addressSetElement(id, address)),
  });
}

export function addressSetElement(id: AddressSetId, address: Parameters<typeof addressBytes>[0]): WantedElement {
  const key = addressBytes(address);
  return { set: addressSetName(id, key.length === 4 ? 4 : 6), element: { key } };
}

/** `key` as `namedPortKey` gives it. */
export function compileNamedPort(key: string, targets: readonly NamedPortTarget[]): Fragment {
  return fragment({
    sets: FAMILIES.map((family) => namedPortSet(key, family)),
    elements: targets.map((target) => {
      const address = addressBytes(target.address);
      const parts = [address, Uint8Array.of(PROTOCOL_NUMBERS[target.protocol]), bigEndianU16(target.port)];
      return { set: namedPortSetName(key, address.length === 4 ? 4 : 6), element: { key: concat(...parts) } };
    }),
  });
}

function addressSet(id: AddressSetId, family: Family): WantedSet {
  return { set: addressSetName(id, family), key: [FIELDS[family].type], comment: commentText(id) };
}

function namedPortSet(key: string, family: Family): WantedSet {
  return {
    set: namedPortSetName(key, family),
    key: [FIELDS[family].type, "inet_proto", "inet_service"],
    comment: commentText(key),
  };
}

function compileRule(
  { direction }: DirectionRules,
  one: PolicyRule,
  addressSets: ReadonlyMap<AddressSetId, AddressSet>,
  use: (set: WantedSet) => string,
  tier: "baseline" | undefined,
): readonly WantedRule[] {
  const peers = peerAlternatives(direction, one, addressSets, use);
  const ports = portAlternatives(one, use);
  return peers.flatMap((peer) =>
    ports.flatMap((port) => {
      if (peer.family !== undefined && port.family !== undefined && peer.family !== port.family) return [];
      const family = peer.family ?? port.family;
      const conditions = [
        ...(family === undefined ? [] : [matchFamily(FIELDS[family].name)]),
        peer.statement,
        port.statement,
      ];
      return actionRules(direction, one, tier).map(
        (action): WantedRule => ({
          ...action,
          expressions: rule(...conditions, action.expressions),
        }),
      );
    }),
  );
}

function actionRules(
  direction: DirectionRules["direction"],
  { id, action }: PolicyRule,
  tier: "baseline" | undefined,
): readonly WantedRule[] {
  const comment = commentText(id);
  const decision = { direction, pod: undefined, reason: id, verdict: action };
  switch (action) {
    case "accept":
      return [{ expressions: rule(counter(), verdict("accept")), comment, decision }];
    case "deny":
      return dropRules(direction, undefined, id);
    case "pass":
      // Behind Baseline comes nothing that could refuse.
      return tier === "baseline"
        ? [{ expressions: rule(counter(), verdict("accept")), comment, decision }]
        : [{ expressions: rule(counter(), setMarkBits(PASS_MARK), verdict("return")), comment, decision }];
  }
}

function peerAlternatives(
  direction: DirectionRules["direction"],
  { peers }: PolicyRule,
  addressSets: ReadonlyMap<AddressSetId, AddressSet>,
  use: (set: WantedSet) => string,
): readonly Alternative[] {
  if (peers === "any") return [{ family: undefined, statement: [] }];
  const blocks: Block[] = [];
  const alternatives: Alternative[] = [];
  for (const id of peers) {
    const set = addressSets.get(id);
    if (set?.kind === "block") blocks.push(set);
    else {
      for (const family of FAMILIES) {
        const statement = inSet([peerAddress(direction, family)], use(addressSet(id, family)));
        alternatives.push({ family, statement });
      }
    }
  }
  return [...alternatives, ...FAMILIES.flatMap((family) => blockAlternatives(direction, family, blocks, use))];
}

function blockAlternatives(
  direction: DirectionRules["direction"],
  family: Family,
  all: readonly Block[],
  use: (set: WantedSet) => string,
): readonly Alternative[] {
  const blocks = all.filter(({ cidr }) => cidr.family === family);
  const [first, second] = blocks;
  if (first === undefined) return [];
  const address = peerAddress(direction, family);
  const except = first.except.filter((one) => one.family === family);
  if (second === undefined && except.length <= INLINE_EXCEPT_MAX) {
    const statement = rule(
      matchPrefix(address, "==", addressBytes(first.cidr.address), first.cidr.length),
      ...except.map((one) => matchPrefix(address, "!=", addressBytes(one.address), one.length)),
    );
    return [{ family, statement }];
  }
  const ranges = blockRanges(blocks, family);
  const content = ranges.map(({ first: from, last }) => `${from}-${last}`).join(" ");
  const set: WantedSet = {
    set: contentName(`blocks${family}`, content),
    key: [FIELDS[family].type],
    flags: ["interval"],
    fixed: rangeElements(ranges, family),
  };
  return [{ family, statement: inSet([address], use(set)) }];
}

function portAlternatives({ ports }: PolicyRule, use: (set: WantedSet) => string): readonly Alternative[] {
  if (ports === "any") return [{ family: undefined, statement: [] }];
  const ranges = ports.filter((one) => one.kind === "range");
  const names = ports.filter((one) => one.kind === "named");
  return [
    ...rangeAlternatives(ranges, use),
    ...names.flatMap(({ name, protocol }) =>
      FAMILIES.map((family): Alternative => {
        const set = use(namedPortSet(namedPortKey(name, protocol), family));
        return { family, statement: inSet([FIELDS[family].daddr, l4proto, thDport], set) };
      }),
    ),
  ];
}

type PortRange = Extract<PortMatch, { readonly kind: "range" }>;

function rangeAlternatives(ranges: readonly PortRange[], use: (set: WantedSet) => string): readonly Alternative[] {
  const merged = [...Map.groupBy(ranges, ({ protocol }) => protocol)].flatMap(([protocol, ofProtocol]) =>
    mergeRanges(ofProtocol).map(({ first, last }) => ({ protocol, first, last })),
  );
  const [only, ...others] = merged;
  if (only === undefined) return [];
  if (others.length === 0) return [{ family: undefined, statement: oneRange(only) }];
  const set: WantedSet = {
    set: contentName("ports", merged.map(({ protocol, first, last }) => `${protocol} ${first}-${last}`).join(" ")),
    key: ["inet_proto", "inet_service"],
    flags: ["interval"],
    fixed: merged.map(({ protocol, first, last }) => {
      const number = Uint8Array.of(PROTOCOL_NUMBERS[protocol]);
      return { key: concat(number, bigEndianU16(first)), keyEnd: concat(number, bigEndianU16(last)) };
    }),
  };
  return [{ family: undefined, statement: inSet([l4proto, thDport], use(set)) }];
}

function oneRange({ protocol, first, last }: Pick<PortRange, "protocol" | "first" | "last">): Statement {
  const isProtocol = matchL4proto(NFT_PROTOCOLS[protocol]);
  if (first === 0 && last === LAST_PORT) return isProtocol;
  if (first === last) return rule(isProtocol, match(thDport, "==", bigEndianU16(first)));
  return rule(isProtocol, matchRange(thDport, bigEndianU16(first), bigEndianU16(last)));
}
