/**
 * The nft table `inet podwire-dns`: queries to the node's name server and its answers pass connection tracking by, so
 * that A and AAAA sent at the same time from one port have no entry to race for, and one client's flood ends before it
 * fills the socket that all share. Without tracking there is no address translation either: what Services' rules say
 * about the same address is not asked.
 *
 *   prerouting   to a DNS address, port 53: above the client's rate → drop; notrack            @addresses4, @clients4
 *   output       to a DNS address, port 53, or from it: notrack
 */
import { addressBytes, type Family, familyOf, type IpAddress } from "#base/ip-address.ts";
import { PRIORITY } from "#kernel/nfnetlink/chain.ts";
import type { NftDataType } from "#kernel/nfnetlink/data-type.ts";
import { NFT_REG_1 } from "#kernel/nfnetlink/nf-tables.ts";
import { findChain, findTable, listElements } from "#kernel/nfnetlink/nft-query.ts";
import type { NftOperation } from "#kernel/nfnetlink/operation.ts";
import { ip6Daddr, ip6Saddr, ipDaddr, ipSaddr, type Selector, thDport, thSport } from "#kernel/nfnetlink/selectors.ts";
import {
  inSet,
  type L4Protocol,
  match,
  matchFamily,
  matchL4proto,
  rule,
  type Statement,
  verdict,
} from "#kernel/nfnetlink/statements.ts";
import type { TableName } from "#kernel/nfnetlink/table.ts";
import type { NftSocket } from "#kernel/nfnetlink/transaction.ts";

export const DNS_TABLE = { family: "inet", table: "podwire-dns" } as const satisfies TableName;

const FIELDS = {
  4: { name: "ip", saddr: ipSaddr, daddr: ipDaddr, type: "ipv4_addr" },
  6: { name: "ip6", saddr: ip6Saddr, daddr: ip6Daddr, type: "ipv6_addr" },
} as const satisfies Readonly<
  Record<Family, { name: "ip" | "ip6"; saddr: Selector; daddr: Selector; type: NftDataType }>
>;
const FAMILIES: readonly Family[] = [4, 6];
const PORT = Uint8Array.of(0, 53);
/** Queries of one client: a seventh of what a server of one thread answers, and more than a busy pod asks. */
const CLIENT_RATE = { perSecond: 10_000, burst: 5_000 } as const;
const CLIENT_IDLE_MS = 10_000;
const MAX_CLIENTS = 65_536;

/** All of it: made anew in one transaction, so that it is never there in part. */
export function dnsTableOperations(addresses: readonly IpAddress[]): readonly NftOperation[] {
  const chain = (name: "prerouting" | "output", rules: readonly Statement[]): readonly NftOperation[] => [
    {
      do: "add chain",
      chain: { ...DNS_TABLE, chain: name, base: { type: "filter", hook: name, priority: PRIORITY.raw } },
    },
    ...rules.map((expressions): NftOperation => ({ do: "add rule", rule: { ...DNS_TABLE, chain: name, expressions } })),
  ];
  return [
    { do: "add table", table: DNS_TABLE },
    { do: "delete table", table: DNS_TABLE },
    { do: "create table", table: DNS_TABLE },
    ...FAMILIES.flatMap((family) => setOperations(family, addresses)),
    ...chain("prerouting", FAMILIES.flatMap(preroutingRules)),
    ...chain("output", FAMILIES.flatMap(outputRules)),
  ];
}

/** Answers whether it was other than wanted. */
export function applyDnsTable(nft: NftSocket, addresses: readonly IpAddress[]): boolean {
  if (isWhole(nft, addresses)) return false;
  nft.commit(dnsTableOperations(addresses), "take DNS out of connection tracking");
  return true;
}

export function removeDnsTable(nft: NftSocket): void {
  if (findTable(nft, DNS_TABLE) === undefined) return;
  const operations: readonly NftOperation[] = [
    { do: "add table", table: DNS_TABLE },
    { do: "delete table", table: DNS_TABLE },
  ];
  nft.commit(operations, "remove the rules of DNS");
}

function isWhole(nft: NftSocket, addresses: readonly IpAddress[]): boolean {
  if (findTable(nft, DNS_TABLE) === undefined) return false;
  const rules = { prerouting: FAMILIES.flatMap(preroutingRules), output: FAMILIES.flatMap(outputRules) };
  for (const [chain, wanted] of Object.entries(rules)) {
    if (findChain(nft, { ...DNS_TABLE, chain })?.use !== wanted.length) return false;
  }
  return FAMILIES.every((family) => {
    const present = listElements(nft, { ...DNS_TABLE, set: addressSet(family) });
    const keys = present.map(({ key }) => (key === undefined ? "" : Buffer.from(key).toString("hex")));
    const wanted = ofFamily(addresses, family).map((address) => Buffer.from(addressBytes(address)).toString("hex"));
    return keys.length === wanted.length && wanted.every((key) => keys.includes(key));
  });
}

const addressSet = (family: Family): string => `addresses${family}`;
const clientSet = (family: Family): string => `clients${family}`;

function ofFamily(addresses: readonly IpAddress[], family: Family): readonly IpAddress[] {
  return addresses.filter((address) => familyOf(address) === family);
}

function setOperations(family: Family, addresses: readonly IpAddress[]): readonly NftOperation[] {
  const key = [FIELDS[family].type];
  const set = { ...DNS_TABLE, set: addressSet(family) };
  const elements = ofFamily(addresses, family).map((address) => ({ key: addressBytes(address) }));
  return [
    { do: "add set", set: { ...set, key } },
    {
      do: "add set",
      set: {
        ...DNS_TABLE,
        set: clientSet(family),
        key,
        flags: ["timeout", "dynamic"],
        timeoutMs: CLIENT_IDLE_MS,
        size: MAX_CLIENTS,
      },
    },
    ...(elements.length === 0 ? [] : [{ do: "add elements", set, elements } as const]),
  ];
}

function preroutingRules(family: Family): readonly Statement[] {
  return [
    // ip daddr @addresses4 udp dport 53 update @clients4 { ip saddr limit rate over 10000/second burst 5000 } drop
    rule(packets(family, "udp", "to"), overRate(family), verdict("drop")),
    ...untracked(family, "to"),
  ];
}

function outputRules(family: Family): readonly Statement[] {
  return [...untracked(family, "to"), ...untracked(family, "from")];
}

/** `ip daddr @addresses4 udp dport 53 notrack`, and the same for tcp. */
function untracked(family: Family, direction: "to" | "from"): readonly Statement[] {
  const protocols: readonly L4Protocol[] = ["udp", "tcp"];
  return protocols.map((protocol) => rule(packets(family, protocol, direction), [{ kind: "notrack" }]));
}

function packets(family: Family, protocol: L4Protocol, direction: "to" | "from"): Statement {
  const { name, saddr, daddr } = FIELDS[family];
  return rule(
    matchFamily(name),
    inSet([direction === "to" ? daddr : saddr], addressSet(family)),
    matchL4proto(protocol),
    match(direction === "to" ? thDport : thSport, "==", PORT),
  );
}

function overRate(family: Family): Statement {
  const { saddr } = FIELDS[family];
  const { perSecond, burst } = CLIENT_RATE;
  return [
    saddr.load(NFT_REG_1),
    {
      kind: "dynset",
      op: "update",
      set: clientSet(family),
      sregKey: NFT_REG_1,
      expression: { kind: "limit", rate: perSecond, unit: 1, burst, type: "packets", flags: ["over"] },
    },
  ];
}
