/** Reads the kernel's state of all namespaces over netlink and /proc/sys, and joins the ends of veth pairs. */
import type { IpAddress, Prefix } from "#base/ip-address.ts";
import { createNetlinkSocket, NETLINK_ROUTE, type NetlinkSocket } from "#kernel/netlink/socket.ts";
import { inNetns, type Netns, openNetns } from "#kernel/netns/netns.ts";
import {
  listChains,
  listElements,
  listRules as listNftRules,
  listSets,
  listTables,
} from "#kernel/nfnetlink/nft-query.ts";
import { createNftSocket } from "#kernel/nfnetlink/transaction.ts";
import { listAddresses } from "#kernel/rtnetlink/address.ts";
import { listFdb } from "#kernel/rtnetlink/fdb.ts";
import { type Link, listLinks } from "#kernel/rtnetlink/link.ts";
import { listNeighbours } from "#kernel/rtnetlink/neighbour.ts";
import { findNetnsId } from "#kernel/rtnetlink/netns-id.ts";
import { listRoutes } from "#kernel/rtnetlink/route.ts";
import { listRules } from "#kernel/rtnetlink/rule.ts";
import { readSysctl, SysctlError } from "#kernel/sysctl.ts";
import type { LinkEnd, NamespaceFacts, NamespaceRole, NftTableFacts, WorldFacts } from "./world-facts.ts";

export interface NamespaceSource {
  readonly name: string;
  readonly role: NamespaceRole;
  /** "" where there is none: a node that does not run, a pod without a sandbox. */
  readonly netnsPath: string;
}

export interface NodeSource {
  readonly name: string;
  readonly underlayAddresses: readonly IpAddress[];
  readonly podCidrs: readonly Prefix[];
}

interface OpenNamespace extends NamespaceSource {
  readonly netns: Netns;
  readonly socket: NetlinkSocket;
  readonly links: readonly Link[];
}

export function observeWorld(sources: readonly NamespaceSource[], nodes: readonly NodeSource[]): WorldFacts {
  using stack = new DisposableStack();
  const missing = new Map<string, string>();
  const open: OpenNamespace[] = [];
  for (const source of sources) {
    if (source.netnsPath === "") {
      missing.set(source.name, source.role === "node" ? "the node does not run" : "it has no sandbox");
      continue;
    }
    try {
      const netns = stack.use(openNetns(source.netnsPath));
      const socket = stack.use(createNetlinkSocket({ protocol: NETLINK_ROUTE, netns }));
      open.push({ ...source, netns, socket, links: listLinks(socket) });
    } catch (error) {
      missing.set(source.name, error instanceof Error ? error.message : String(error));
    }
  }
  const namespaces = new Map(open.map((one) => [one.name, observeNamespace(one, open)]));
  return {
    namespaces,
    missing,
    nodes: nodes.map(({ name, underlayAddresses, podCidrs }) => ({ name, underlayAddresses, podPrefixes: podCidrs })),
  };
}

function observeNamespace(one: OpenNamespace, all: readonly OpenNamespace[]): NamespaceFacts {
  const { name, role, netns, socket, links } = one;
  return {
    name,
    role,
    links,
    addresses: listAddresses(socket),
    routes: listRoutes(socket),
    rules: listRules(socket),
    neighbours: listNeighbours(socket),
    fdb: listFdb(socket),
    tables: readTables(netns),
    sysctls: readSysctls(netns, links),
    peers: new Map(
      links.flatMap((link) => {
        const end = findEnd(one, link, all);
        return end === undefined ? [] : [[link.ifindex, end] as const];
      }),
    ),
  };
}

/** Two veths are a pair when each has the other's ifindex, and this one's number for the namespace is the other's. */
function findEnd(one: OpenNamespace, link: Link, all: readonly OpenNamespace[]): LinkEnd | undefined {
  if (link.kind?.type !== "veth" || link.link === undefined) return undefined;
  const candidates = all.filter((other) =>
    other.links.some((end) => end.ifindex === link.link && end.link === link.ifindex && end.kind?.type === "veth"),
  );
  const found = candidates.find((other) =>
    link.linkNetnsId === undefined
      ? other.netns.inode === one.netns.inode
      : findNetnsId(one.socket, other.netns) === link.linkNetnsId,
  );
  return found && { namespace: found.name, ifindex: link.link };
}

function readTables(netns: Netns): readonly NftTableFacts[] {
  using nft = createNftSocket(netns);
  return listTables(nft).map((table) => ({
    ...table,
    chains: listChains(nft, table),
    rules: listNftRules(nft, table),
    sets: listSets(nft, table).map((set) => ({ ...set, elements: listElements(nft, set) })),
  }));
}

function readSysctls(netns: Netns, links: readonly Link[]): Readonly<Record<string, number>> {
  const keys = [
    "ipv4/ip_forward",
    "ipv6/conf/all/forwarding",
    "ipv4/conf/all/rp_filter",
    "bridge/bridge-nf-call-iptables",
    "bridge/bridge-nf-call-ip6tables",
    ...links.flatMap(({ name }) => [
      `ipv4/conf/${name}/rp_filter`,
      `ipv4/conf/${name}/forwarding`,
      `ipv6/conf/${name}/disable_ipv6`,
    ]),
  ];
  return inNetns(netns, () =>
    Object.fromEntries(
      keys.flatMap((key) => {
        try {
          return [[key, Number(readSysctl(netns, `net/${key}`))]];
        } catch (error) {
          if (error instanceof SysctlError) return []; // no such setting: a module is missing, or IPv6 is off
          throw error;
        }
      }),
    ),
  );
}
