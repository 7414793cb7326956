/**
 * Rules that choose a routing table, both families. Equal to `ip rule add | delete | show`.
 * Source: include/uapi/linux/fib_rules.h, Linux 6.1.
 */
import { DecodeError, decode, encode, type ValueOf } from "#base/codec/codec.ts";
import { struct } from "#base/codec/struct.ts";
import { cString, padding, u8, u32host } from "#base/codec/values.ts";
import type { Family, IpAddress, Prefix } from "#base/ip-address.ts";
import { attribute, attributes, headerAndAttributes } from "../netlink/attributes.ts";
import { NLM_F_CREATE, NLM_F_EXCL } from "../netlink/message.ts";
import type { NetlinkSocket } from "../netlink/socket.ts";
import { ipAddress, nameOf } from "./attribute-values.ts";
import { addressFamily, familyOfNumber, MAX_HEADER_TABLE, routeTables } from "./family.ts";

const RTM_NEWRULE = 32;
const RTM_DELRULE = 33;
const RTM_GETRULE = 34;

/** FR_ACT_*; `lookup` is FR_ACT_TO_TBL. */
const ruleActions = { unspecified: 0, lookup: 1, goto: 2, nop: 3, blackhole: 6, unreachable: 7, prohibit: 8 } as const;
export type RuleAction = keyof typeof ruleActions;

const FIB_RULE_INVERT = 2;
/** FRA_SUPPRESS_PREFIXLEN when the rule suppresses nothing. */
const NO_SUPPRESSION = 0xffffffff;

const ruleHeader = struct("fib_rule_hdr", {
  family: u8,
  toLength: u8,
  fromLength: u8,
  tos: u8,
  table: u8,
  _reserved: padding(2),
  action: u8,
  flags: u32host,
});

const ruleMessage = headerAndAttributes(
  ruleHeader,
  attributes({
    to: attribute(1, ipAddress), // FRA_DST
    from: attribute(2, ipAddress), // FRA_SRC
    iif: attribute(3, cString), // FRA_IIFNAME
    priority: attribute(6, u32host), // FRA_PRIORITY
    fwmark: attribute(10, u32host), // FRA_FWMARK
    suppressPrefixLength: attribute(14, u32host), // FRA_SUPPRESS_PREFIXLEN
    tableNumber: attribute(15, u32host), // FRA_TABLE
    fwmask: attribute(16, u32host), // FRA_FWMASK
    oif: attribute(17, cString), // FRA_OIFNAME
    protocol: attribute(21, u8), // FRA_PROTOCOL
  }),
);
type RuleMessage = ValueOf<typeof ruleMessage>;

export interface NewRule {
  readonly family: Family;
  /** The smaller is asked first. Default: one less than the smallest above 0. */
  readonly priority?: number | undefined;
  readonly from?: Prefix | undefined;
  readonly to?: Prefix | undefined;
  /** Names of links, which need not exist. */
  readonly iif?: string | undefined;
  readonly oif?: string | undefined;
  readonly fwmark?: number | undefined;
  /** Default: all bits. */
  readonly fwmask?: number | undefined;
  /** Default: lookup. */
  readonly action?: RuleAction | undefined;
  /** Default: main. */
  readonly table?: number | undefined;
  /** Matches when the selectors do not. */
  readonly invert?: boolean | undefined;
  /** Ignores routes of this prefix length or shorter; 0 ignores the default route. */
  readonly suppressPrefixLength?: number | undefined;
  /** Who made it, as for routes. */
  readonly protocol?: number | undefined;
}

export interface Rule extends NewRule {
  readonly priority: number;
  readonly action: RuleAction;
  readonly table: number;
  readonly invert: boolean;
}

/** Throws EEXIST when the same rule is there. */
export function addRule(socket: NetlinkSocket, rule: NewRule): void {
  const payload = encode(ruleMessage, messageOf(rule));
  socket.request({ type: RTM_NEWRULE, flags: NLM_F_CREATE | NLM_F_EXCL, payload }, `rule add ${describe(rule)}`);
}

/** Deletes the first rule that has all given properties. Throws ENOENT when there is none. */
export function deleteRule(socket: NetlinkSocket, rule: NewRule): void {
  const table = rule.table ?? routeTables.unspecified;
  const payload = encode(ruleMessage, messageOf({ ...rule, table, action: rule.action ?? "unspecified" }));
  socket.request({ type: RTM_DELRULE, payload }, `rule delete ${describe(rule)}`);
}

/** In the order in which the kernel asks them. */
export function listRules(socket: NetlinkSocket, filter: { readonly family?: Family } = {}): readonly Rule[] {
  const families: readonly Family[] = filter.family === undefined ? [4, 6] : [filter.family];
  return families.flatMap((family) => {
    const payload = encode(ruleMessage, { ...emptyRule, family: addressFamily(family) });
    return socket
      .dump({ type: RTM_GETRULE, payload }, "rule show")
      .filter((message) => message.type === RTM_NEWRULE && message.payload[0] === addressFamily(family))
      .map((message) => decodeRule(message.payload));
  });
}

export function decodeRule(payload: Buffer): Rule {
  const message = decode(ruleMessage, payload);
  const family = familyOfNumber(message.family);
  if (family === undefined) throw new DecodeError("rule", 0, `family ${message.family}`);
  const { suppressPrefixLength } = message;
  return {
    family,
    priority: message.priority ?? 0,
    from: prefixOf(family, message.from, message.fromLength),
    to: prefixOf(family, message.to, message.toLength),
    iif: message.iif,
    oif: message.oif,
    fwmark: message.fwmark,
    fwmask: message.fwmask,
    action: nameOf(ruleActions, message.action) ?? "unspecified",
    table: message.tableNumber ?? message.table,
    invert: (message.flags & FIB_RULE_INVERT) !== 0,
    suppressPrefixLength: suppressPrefixLength === NO_SUPPRESSION ? undefined : suppressPrefixLength,
    protocol: message.protocol,
  };
}

const emptyRule: RuleMessage = { family: 0, toLength: 0, fromLength: 0, tos: 0, table: 0, action: 0, flags: 0 };

function messageOf({
  family,
  from,
  to,
  action = "lookup",
  table = routeTables.main,
  invert,
  ...rest
}: NewRule): RuleMessage {
  return {
    ...emptyRule,
    ...rest,
    family: addressFamily(family),
    action: ruleActions[action],
    flags: invert ? FIB_RULE_INVERT : 0,
    from: from?.address,
    fromLength: from?.length ?? 0,
    to: to?.address,
    toLength: to?.length ?? 0,
    ...(table <= MAX_HEADER_TABLE ? { table } : { tableNumber: table }),
  };
}

function prefixOf(family: Family, address: IpAddress | undefined, length: number): Prefix | undefined {
  return address && { family, address, length };
}

function describe({ priority, from, to, table }: NewRule): string {
  const parts: string[] = [];
  if (priority !== undefined) parts.push(`priority ${priority}`);
  if (from !== undefined) parts.push(`from ${from.address}/${from.length}`);
  if (to !== undefined) parts.push(`to ${to.address}/${to.length}`);
  if (table !== undefined) parts.push(`lookup ${table}`);
  return parts.join(" ");
}
