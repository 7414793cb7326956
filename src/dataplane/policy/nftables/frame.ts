/**
 * The table of policies, `inet podwire-policy`: a fixed frame of hooks and maps, which pods and policies fill. A packet
 * of a new connection is judged twice, and has to pass both times:
 *
 *   forward, egress      from whom?  address → the chain of the pod it comes from                        @egress4
 *   forward, ingress     to whom?    address → the chain of the pod it goes to                           @ingress4
 *
 * `accept` ends one hook only: the packet goes on to the other. What belongs to an allowed connection passes both at
 * once. Who is in no map and should be, by its address or the link it came by, is dropped. What the node itself sends
 * or receives does not come here, but for the tunnels: no pod sends to their ports, or it could send in any node's name.
 */
import { addressBytes, type Family, type IpAddress, type Prefix } from "#base/ip-address.ts";
import { type BaseChain, PRIORITY } from "#kernel/nfnetlink/chain.ts";
import type { Expression } from "#kernel/nfnetlink/expression.ts";
import {
  icmpv6Type,
  iifname,
  ip6Daddr,
  ip6Hoplimit,
  ip6Saddr,
  ipDaddr,
  ipSaddr,
  oifname,
  type Selector,
  sctpFirstChunk,
  tcpFlags,
  thDport,
} from "#kernel/nfnetlink/selectors.ts";
import type { NftSetElement } from "#kernel/nfnetlink/set-element.ts";
import {
  counter,
  goto,
  inSet,
  jump,
  limitRate,
  log,
  match,
  matchByte,
  matchCtState,
  matchFamily,
  matchL4proto,
  matchName,
  matchPrefix,
  matchRange,
  rule,
  type Statement,
  verdict,
  vmap,
} from "#kernel/nfnetlink/statements.ts";
import type { TableName } from "#kernel/nfnetlink/table.ts";
import type { Direction } from "#policy/rule-model.ts";
import type { PolicyNode } from "../contract.ts";
import { blockRanges, rangeElements } from "./address-ranges.ts";
import { commentText, logPrefix } from "./object-names.ts";
import { type Fragment, fragment, type WantedChain, type WantedRule, type WantedSet } from "./table-content.ts";

export const POLICY_TABLE = { family: "inet", table: "podwire-policy" } as const satisfies TableName;
export const FAMILIES: readonly Family[] = [4, 6];
export const FIELDS = {
  4: { name: "ip", type: "ipv4_addr", saddr: ipSaddr, daddr: ipDaddr },
  6: { name: "ip6", type: "ipv6_addr", saddr: ip6Saddr, daddr: ip6Daddr },
} as const;

/** Listeners of `podwire observe`. */
export const LOG_GROUP = 7471;
/** Messages a second of one rule: a flood of dropped packets must not become a flood of messages. */
const LOGS_PER_SECOND = 1000;
/** Bit of a packet's mark, while its sender's chain is walked through: a rule of tier Admin passed it on. */
export const PASS_MARK = 0x0008_0000;

/** Whose address decides: of the direction's own pod, and of its peer. */
export function ownAddress(direction: Direction, family: Family): Selector {
  return direction === "egress" ? FIELDS[family].saddr : FIELDS[family].daddr;
}
export function peerAddress(direction: Direction, family: Family): Selector {
  return direction === "egress" ? FIELDS[family].daddr : FIELDS[family].saddr;
}

/** address → what judges the pod's direction */
export function podMap(direction: Direction, family: Family): WantedSet {
  return { set: `${direction}${family}`, key: [FIELDS[family].type], data: ["verdict"] };
}

/** Addresses of pods with policies: a connection that is under way can only be one that was cut off. */
export function guardedSet(family: Family): WantedSet {
  return { set: `guarded${family}`, key: [FIELDS[family].type] };
}

/** A pod reaches itself, by way of a service too. */
export function selfSet(family: Family): WantedSet {
  const { type } = FIELDS[family];
  return { set: `self${family}`, key: [type, type] };
}

/** Links of attached pods, and what comes from them: see port-guard.ts. */
export const LINKS: WantedSet = { set: "links", key: ["ifname"] };
export function linkAddressSet(family: Family): WantedSet {
  return { set: `link_addresses${family}`, key: ["ifname", FIELDS[family].type] };
}

/** What of the node's addresses is a pod's, in both tables. */
export const nodePodsSet = (family: Family, prefixes: readonly Prefix[]): WantedSet => ({
  set: `node_pods${family}`,
  key: [FIELDS[family].type],
  flags: ["interval"],
  fixed: rangeElements(
    blockRanges(
      prefixes.map((cidr) => ({ cidr, except: [] })),
      family,
    ),
    family,
  ),
});

/** Two rules, since one ends where there is too much to log: `log … group 7471`, `counter drop`. */
export function dropRules(direction: Direction, pod: string | undefined, reason: string): readonly WantedRule[] {
  const decision = { direction, pod, reason, verdict: "deny" } as const;
  const prefix = logPrefix(direction, `${pod ?? ""} ${direction} ${reason}`);
  return [
    {
      expressions: rule(limitRate(LOGS_PER_SECOND, LOGS_PER_SECOND), log(prefix, LOG_GROUP)),
      decision: { ...decision, prefix },
    },
    { expressions: rule(counter(), verdict("drop")), comment: commentText(reason), decision },
  ];
}

export function plain(...statements: readonly Statement[]): WantedRule {
  return { expressions: rule(...statements) };
}

/** What is there whoever the pods are. */
export function frameFragment({ nodePods, podLinks, bridges = [], overlayPorts = [] }: PolicyNode): Fragment {
  const links = [...bridges, ...podLinks];
  const overlay = overlayPorts.map(bigEndianU16);
  return fragment({
    sets: [
      ...FAMILIES.flatMap((family) => [
        podMap("egress", family),
        podMap("ingress", family),
        guardedSet(family),
        selfSet(family),
        linkAddressSet(family),
        nodePodsSet(family, nodePods),
      ]),
      LINKS,
    ],
    chains: [
      ["overlay", { rules: dropRules("egress", undefined, "overlay port") }],
      ["stray", { rules: dropRules("egress", undefined, "stray packet") }],
      ["guard", { rules: FAMILIES.flatMap(guardRules) }],
      ["unknown/egress", unknownChain("egress")],
      ["unknown/ingress", unknownChain("ingress")],
      ["spoofed", { rules: dropRules("egress", undefined, "spoofed address") }],
      [
        "link",
        { rules: FAMILIES.map((family) => plain(matchFamily(FIELDS[family].name), notOwn(family), goto("spoofed"))) },
      ],
      [
        "prerouting",
        {
          base: { type: "filter", hook: "prerouting", priority: PRIORITY.raw },
          rules: [
            plain(inSet([iifname], LINKS.set), goto("link")),
            ...podLinks.map((name) => plain(matchName(iifname, "==", name), goto("spoofed"))),
          ],
        },
      ],
      ["input", { base: filterHook("input"), rules: links.flatMap((name) => overlayRules(name, overlay)) }],
      [
        "egress",
        {
          base: filterHook("forward", PRIORITY.filter),
          rules: [
            ...passingRules(),
            ...links.flatMap((name) => overlayRules(name, overlay)),
            ...strayRules(),
            ...judgingRules("egress", iifname, links),
          ],
        },
      ],
      [
        "ingress",
        {
          base: filterHook("forward", PRIORITY.filter + 1),
          rules: [...passingRules(), ...judgingRules("ingress", oifname, links)],
        },
      ],
    ],
  });
}

function filterHook(hook: "forward" | "input", priority: number = PRIORITY.filter): BaseChain {
  return { type: "filter", hook, priority, policy: "accept" };
}

/** A link-local address is only good for its link. */
function notOwn(family: Family): Statement {
  const isOther = inSet([iifname, FIELDS[family].saddr], linkAddressSet(family).set, "!=");
  if (family === 4) return isOther;
  return rule(matchPrefix(ip6Saddr, "!=", LINK_LOCAL, 10), match(ip6Saddr, "!=", new Uint8Array(16)), isOther);
}
const LINK_LOCAL = addressBytes("fe80::" as IpAddress); // canonical text

/** Replies, and neighbour discovery between pods of one bridge (RFC 4861: only with a hop limit of 255). */
function passingRules(): readonly WantedRule[] {
  return [
    plain(matchCtState("established", "related"), verdict("accept")),
    plain(
      matchFamily("ip6"),
      matchL4proto("icmpv6"),
      match(ip6Hoplimit, "==", Uint8Array.of(255)),
      matchRange(icmpv6Type, Uint8Array.of(NEIGHBOUR_SOLICITATION), Uint8Array.of(NEIGHBOUR_ADVERTISEMENT)),
      verdict("accept"),
    ),
  ];
}
const NEIGHBOUR_SOLICITATION = 135;
const NEIGHBOUR_ADVERTISEMENT = 136;

/**
 * The kernel takes a packet from the middle of a connection that it does not know for the first of a new one, and so an
 * answer of a server for a connection from it. A connection that was cut off must not come back that way.
 */
function strayRules(): readonly WantedRule[] {
  return [
    // ct state new meta l4proto tcp tcp flags & (fin | syn | rst | ack) != syn jump guard
    plain(matchCtState("new"), matchL4proto("tcp"), matchByte(tcpFlags, "!=", 0x17, 0x02), jump("guard")),
    plain(matchCtState("new"), matchL4proto("sctp"), match(sctpFirstChunk, "!=", Uint8Array.of(1)), jump("guard")),
  ];
}

function guardRules(family: Family): readonly WantedRule[] {
  const { name, saddr, daddr } = FIELDS[family];
  return [saddr, daddr].map((address) =>
    plain(matchFamily(name), inSet([address], guardedSet(family).set), goto("stray")),
  );
}

function judgingRules(direction: Direction, link: Selector, links: readonly string[]): readonly WantedRule[] {
  const unknown = `unknown/${direction}`;
  return [
    ...FAMILIES.map((family) => {
      const { name, saddr, daddr } = FIELDS[family];
      return plain(matchFamily(name), inSet([saddr, daddr], selfSet(family).set), verdict("accept"));
    }),
    ...FAMILIES.map((family) =>
      plain(matchFamily(FIELDS[family].name), vmap([ownAddress(direction, family)], podMap(direction, family).set)),
    ),
    ...FAMILIES.map((family) =>
      plain(
        matchFamily(FIELDS[family].name),
        inSet([ownAddress(direction, family)], `node_pods${family}`),
        goto(unknown),
      ),
    ),
    ...links.map((name) => plain(matchName(link, "==", name), goto(unknown))),
  ];
}

function overlayRules(link: string, ports: readonly Uint8Array[]): readonly WantedRule[] {
  return ports.map((port) =>
    plain(matchName(iifname, "==", link), matchL4proto("udp"), match(thDport, "==", port), goto("overlay")),
  );
}

/** Multicast of pods goes nowhere, as in other pod networks; that is no news. */
function unknownChain(direction: Direction): WantedChain {
  return {
    rules: [
      plain(matchFamily("ip"), matchPrefix(ipDaddr, "==", Uint8Array.of(224, 0, 0, 0), 4), verdict("drop")),
      plain(matchFamily("ip6"), match(firstByte(ip6Daddr), "==", Uint8Array.of(0xff)), verdict("drop")),
      ...dropRules(direction, undefined, "unknown pod"),
    ],
  };
}

function firstByte(selector: Selector): Selector {
  return {
    bytes: 1,
    load: (dreg): Expression => {
      const expression = selector.load(dreg);
      return expression.kind === "payload" && "len" in expression ? { ...expression, len: 1 } : expression;
    },
  };
}

export function bigEndianU16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff);
}

/** An interface name in a register, filled with NUL: IFNAMSIZ. */
export function ifnameKey(name: string): Uint8Array {
  const key = new Uint8Array(16);
  key.set(Buffer.from(name));
  return key;
}

export function addressElement(address: IpAddress, rest: Omit<NftSetElement, "key"> = {}): NftSetElement {
  return { key: addressBytes(address), ...rest };
}
