/**
 * Which of the kernel's events may concern the network between nodes. Each pod that comes or goes causes a dozen that do
 * not, and looking at everything for each of them would cost more than the pod. Pure.
 */
import { ROUTE_PROTOCOLS } from "#dataplane/peer-routes.ts";
import type { RtnetlinkEvent } from "#kernel/rtnetlink/events.ts";
import { routeTables } from "#kernel/rtnetlink/family.ts";

export interface WatchedLinks {
  /** Ifindexes of the links to other nodes. */
  readonly underlay: ReadonlySet<number>;
  /** Ifindexes of links that are ours. */
  readonly tunnels: ReadonlySet<number>;
  /** Names of links that are ours to make, which may have another ifindex next time. */
  readonly names: ReadonlySet<string>;
  readonly bridge: { readonly name: string; readonly ifindex: number | undefined };
  /** Whether a link is a pod's, which has to be a port of the bridge. */
  readonly isPort: (name: string) => boolean;
}

/** `watched` is undefined while nothing is known yet: then everything may be what was missing. */
export function isRelevantEvent(event: RtnetlinkEvent, watched: WatchedLinks | undefined): boolean {
  if (watched === undefined) return true;
  const { underlay, tunnels, names, bridge, isPort } = watched;
  const isOurs = (ifindex: number): boolean => underlay.has(ifindex) || tunnels.has(ifindex);
  switch (event.object) {
    case "link": {
      const { name, ifindex, master } = event.link;
      if (isOurs(ifindex) || names.has(name) || name === bridge.name) return true;
      return event.change === "new" && master !== bridge.ifindex && isPort(name);
    }
    case "address":
      return isOurs(event.address.ifindex) || event.address.ifindex === bridge.ifindex;
    case "route": {
      const { table, protocol, oif, nextHops } = event.route;
      if (table !== routeTables.main) return false;
      return OUR_PROTOCOLS.has(protocol) || nextHops !== undefined || oif === undefined || isOurs(oif);
    }
    case "neighbour":
      return tunnels.has(event.neighbour.ifindex);
    case "fdb":
      return tunnels.has(event.entry.ifindex);
  }
}

const OUR_PROTOCOLS: ReadonlySet<number> = new Set(Object.values(ROUTE_PROTOCOLS));
