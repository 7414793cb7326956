/**
 * The way from a cluster to whatever the host reaches, for clusters that ask for it: the only thing of a cluster that
 * touches the host's firewall and forwarding. The underlay's router sends to the host what it knows no way for; the host
 * forwards it under its own address, and lets nobody open connections into clusters by that.
 *
 *   table inet podwire-uplink-NAME
 *     postrouting  ip saddr SUBNET oifname != pw-NAME masquerade
 *     forward      oifname pw-* ct state established,related accept; oifname pw-* drop
 *
 * The table's comment notes what net.ipv4.ip_forward was before the first of such tables: whoever removes the last one
 * sets it back, after a crash too. Both are gone after a reboot. IPv4 only.
 */
import { addressBytes, type IpAddress, type Prefix, parsePrefix } from "#base/ip-address.ts";
import { createNetlinkSocket, NETLINK_ROUTE } from "#kernel/netlink/socket.ts";
import { type Netns, ownNetns } from "#kernel/netns/netns.ts";
import { PRIORITY } from "#kernel/nfnetlink/chain.ts";
import { listTables } from "#kernel/nfnetlink/nft-query.ts";
import { ipSaddr, oifname } from "#kernel/nfnetlink/selectors.ts";
import {
  masquerade,
  matchCtState,
  matchFamily,
  matchName,
  matchPrefix,
  rule,
  type Statement,
  verdict,
} from "#kernel/nfnetlink/statements.ts";
import type { NftTable } from "#kernel/nfnetlink/table.ts";
import { createNftSocket, type NftSocket } from "#kernel/nfnetlink/transaction.ts";
import { addRoute } from "#kernel/rtnetlink/route.ts";
import { readSysctl, writeSysctl } from "#kernel/sysctl.ts";
import { hostLinkName } from "./underlay-addresses.ts";

export interface HostUplinkOptions {
  readonly clusterName: string;
  /** Of the underlay. */
  readonly subnet: Prefix;
  readonly hostAddress: IpAddress;
  readonly underlay: Netns;
  /** Default: this process's own. */
  readonly hostNetns?: Netns | undefined;
}

const FAMILY = "inet";
const TABLE_PREFIX = "podwire-uplink-";
const FORWARDING = "net/ipv4/ip_forward";
const NOTE = "net.ipv4.ip_forward was ";
/** Every cluster's link on the host. */
const ANY_LINK = "pw-*";
const DEFAULT_ROUTE = parsePrefix("0.0.0.0/0");

/** The caller has removed what an earlier cluster of this name left. */
export function openHostUplink({ clusterName, subnet, hostAddress, underlay, hostNetns }: HostUplinkOptions): void {
  using host = ownOrGiven(hostNetns);
  using nft = createNftSocket(host);
  const [other] = uplinkTables(nft);
  const before = other === undefined ? readSysctl(host, FORWARDING) : noteOf(other);
  const table = { family: FAMILY, table: TABLE_PREFIX + clusterName } as const;
  const add = (chain: string, expressions: readonly Statement[]) =>
    ({ do: "add rule", rule: { ...table, chain, expressions: rule(...expressions) } }) as const;
  const fromCluster = matchPrefix(ipSaddr, "==", addressBytes(subnet.address), subnet.length);
  const toClusters = matchName(oifname, "==", ANY_LINK);
  const srcnat = { type: "nat", hook: "postrouting", priority: PRIORITY.srcnat } as const;
  const filter = { type: "filter", hook: "forward", priority: PRIORITY.filter } as const;
  nft.commit(
    [
      { do: "create table", table: { ...table, ...(before !== undefined && { comment: NOTE + before }) } },
      { do: "create chain", chain: { ...table, chain: "postrouting", base: srcnat } },
      { do: "create chain", chain: { ...table, chain: "forward", base: filter } },
      add("postrouting", [
        matchFamily("ip"),
        fromCluster,
        matchName(oifname, "!=", hostLinkName(clusterName)),
        masquerade(),
      ]),
      add("forward", [toClusters, matchCtState("established", "related"), verdict("accept")]),
      add("forward", [toClusters, verdict("drop")]),
    ],
    `let cluster "${clusterName}" out through the host`,
  );
  // Noted first: a process that is killed in between has changed nothing that is not set back.
  writeSysctl(host, FORWARDING, 1);
  using inside = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns: underlay });
  addRoute(inside, { destination: DEFAULT_ROUTE, gateway: hostAddress });
}

/** Of a cluster that goes, or was killed. Nothing happens where there is none. */
export function removeHostUplink(clusterName: string, hostNetns?: Netns): void {
  using host = ownOrGiven(hostNetns);
  using nft = createNftSocket(host);
  const tables = uplinkTables(nft);
  const own = tables.find(({ table }) => table === TABLE_PREFIX + clusterName);
  if (own === undefined) return;
  const before = noteOf(own);
  // While the note is there: killed in between, the next one sets it back again.
  if (tables.length === 1 && before !== undefined) writeSysctl(host, FORWARDING, before);
  nft.commit([{ do: "delete table", table: own }], `close the way of cluster "${clusterName}" through the host`);
}

function uplinkTables(nft: NftSocket): readonly NftTable[] {
  return listTables(nft, FAMILY).filter(({ table }) => table.startsWith(TABLE_PREFIX));
}

/** Undefined where the kernel keeps no comments: then forwarding stays as it is. */
function noteOf({ comment }: NftTable): string | undefined {
  return comment?.startsWith(NOTE) ? comment.slice(NOTE.length) : undefined;
}

/** Disposing closes what was opened here. */
function ownOrGiven(netns: Netns | undefined): Netns {
  return netns === undefined ? ownNetns() : { ...netns, [Symbol.dispose]: () => undefined };
}
