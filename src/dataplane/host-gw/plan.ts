/**
 * host-gw: pods' packets leave as they are, with the peer's node as their router.
 *
 *   pod → bridge → route PEER-PODS via PEER dev UNDERLAY → peer's underlay → peer's route to its bridge → pod
 *
 * Nothing is added to a packet, so the next hop must be on the same L2 network: a router in between would have to know
 * the pods. Equal to Flannel's back end of the same name. Pure.
 */
import type { DesiredNetwork, PeerProblem, PerFamily } from "../contract.ts";
import type { KernelOperation, PeerRoute } from "../kernel-operation.ts";
import { peerEndpoints } from "../peer-endpoints.ts";
import { planRoutes, ROUTE_PROTOCOLS, type RouteTable } from "../peer-routes.ts";
import { type RouteLookups, type UnderlayLink, whyNotDirect } from "../underlay.ts";

export interface ObservedHostGw extends RouteTable {
  readonly underlay: PerFamily<UnderlayLink>;
  readonly lookups: RouteLookups;
}

export interface HostGwPlan {
  readonly operations: readonly KernelOperation[];
  readonly problems: readonly PeerProblem[];
}

export function planHostGw(desired: DesiredNetwork, observed: ObservedHostGw): HostGwPlan {
  const { endpoints, problems: unusable } = peerEndpoints(desired, "host-gw");
  const problems: PeerProblem[] = [...unusable];
  const wanted: (PeerRoute & { readonly peer: string })[] = [];
  for (const { peer, family, podPrefix, underlayAddress } of endpoints) {
    const underlay = observed.underlay[family];
    if (underlay === undefined) continue;
    const reason = whyNotDirect(underlayAddress, underlay, observed.lookups);
    if (reason !== undefined) {
      problems.push({ peer, family, reason: `${reason}: use vxlan for this peer` });
      continue;
    }
    wanted.push({
      peer,
      destination: podPrefix,
      gateway: underlayAddress,
      link: underlay.link,
      protocol: ROUTE_PROTOCOLS["host-gw"],
    });
  }
  const routes = planRoutes(observed, { backend: "host-gw", wanted, ownLinks: [], peers: desired.peers });
  return { operations: [...routes.make, ...routes.sweep], problems: [...problems, ...routes.taken] };
}
