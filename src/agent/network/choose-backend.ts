/**
 * By which back end two nodes talk to each other. Both ends choose alone, from what both have announced, and come to the
 * same answer; while a cluster changes from one back end to another there are nodes of both. Pure.
 */
import type { Backend } from "#dataplane/contract.ts";
import type { Announcement } from "./cluster-network.ts";

export type BackendOffer = Pick<Announcement, "backend" | "receives">;

/** Without a network between the nodes that knows the pods; the better one first. */
const TUNNELS = ["vxlan", "udp"] as const satisfies readonly Backend[];

/**
 * `isDirect`: the nodes are on one L2 network. Every node takes packets that are routed to it, so there host-gw is
 * possible as soon as one end wants it; elsewhere a tunnel that both can use takes its place.
 */
export function chooseBackend(own: BackendOffer, peer: BackendOffer, isDirect: boolean): Backend {
  const isRouted = own.backend === "host-gw" || peer.backend === "host-gw";
  if (isRouted && isDirect) return "host-gw";
  if (own.backend === peer.backend && !isRouted) return own.backend;
  const common = TUNNELS.find((tunnel) => own.receives.includes(tunnel) && peer.receives.includes(tunnel));
  return common ?? peer.backend;
}

/** The back ends that a node has to run: its own, those of its peers, and vxlan where routing is not possible. */
export function neededBackends(
  own: Backend,
  peers: readonly { readonly backend: Backend; readonly isDirect: boolean }[],
): readonly Backend[] {
  const needsTunnel = peers.some((peer) => !peer.isDirect && (own === "host-gw" || peer.backend === "host-gw"));
  const needed = [own, ...peers.map(({ backend }) => backend), ...(needsTunnel ? (["vxlan"] as const) : [])];
  return [...new Set(needed)];
}
