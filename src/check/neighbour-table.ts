/** The kernel's table of neighbours: its size, which is one for all namespaces, and what a wave of probes put into it. */
import { readFileSync } from "node:fs";
import { KernelError } from "#kernel/kernel-error.ts";
import { createNetlinkSocket, NETLINK_ROUTE, type NetlinkSocket } from "#kernel/netlink/socket.ts";
import { findNetns } from "#kernel/netns/netns.ts";
import { deleteNeighbour, listNeighbours, type Neighbour } from "#kernel/rtnetlink/neighbour.ts";
import type { NamespaceSource } from "#trace/facts/observe-world.ts";
import type { WorldFacts } from "#trace/facts/world-facts.ts";

/** The kernel's default; namespaces other than the first do not show the setting. */
const DEFAULT_LIMIT = 1024;
/** What traffic has taught. A failed entry is evidence, and makes way by itself. */
const LEARNED: ReadonlySet<Neighbour["state"]> = new Set(["reachable", "stale", "delay", "probe"]);

export function readNeighbourLimit(): number {
  try {
    return Number(readFileSync("/proc/sys/net/ipv4/neigh/default/gc_thresh3", "utf8")) || DEFAULT_LIMIT;
  } catch {
    return DEFAULT_LIMIT; // not shown here
  }
}

/** Removes what was learned since `before`; whoever needs one of them asks again. */
export function forgetNeighbours(sources: readonly NamespaceSource[], before: WorldFacts): void {
  for (const { name, netnsPath } of sources) {
    using netns = netnsPath === "" ? undefined : findNetns(netnsPath);
    if (netns === undefined) continue;
    using socket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
    const known = new Set(before.namespaces.get(name)?.neighbours.map(keyOf));
    for (const neighbour of listNeighbours(socket)) {
      if (LEARNED.has(neighbour.state) && !known.has(keyOf(neighbour))) forget(socket, neighbour);
    }
  }
}

function keyOf({ ifindex, address }: Neighbour): string {
  return `${ifindex} ${address}`;
}

/** The kernel may have been first, or the link is gone. */
function forget(socket: NetlinkSocket, neighbour: Neighbour): void {
  try {
    deleteNeighbour(socket, neighbour);
  } catch (error) {
    if (!(error instanceof KernelError && ["ENOENT", "ENODEV"].includes(error.code))) throw error;
  }
}
