/**
 * From what the cluster says and what the kernel has to what this node's data planes shall do, and what the node
 * announces. Pure.
 */
import { contains, type Family, formatPrefix, type IpAddress, type Prefix } from "#base/ip-address.ts";
import {
  type Backend,
  type DesiredNetwork,
  FAMILIES,
  type Peer,
  type PeerProblem,
  type PerFamily,
} from "#dataplane/contract.ts";
import type { Vtep } from "#dataplane/flannel-formats.ts";
import type { FlannelNetConf } from "#dataplane/flannel-net-conf.ts";
import type { PodNetworks } from "#dataplane/nat/pod-networks.ts";
import { type RouteLookups, type UnderlayLink, whyNotDirect } from "#dataplane/underlay.ts";
import { vtepMac } from "#dataplane/vtep-mac.ts";
import { chooseBackend, neededBackends } from "./choose-backend.ts";
import type { ChosenUnderlay } from "./choose-underlay.ts";
import type { Announcement, ClusterNetwork, ClusterNode, OwnNode } from "./cluster-network.ts";

export interface ObservedHost {
  readonly underlay: PerFamily<ChosenUnderlay & UnderlayLink>;
  /** Of the addresses that peers announce. */
  readonly lookups: RouteLookups;
}

export interface NetworkPlan {
  readonly desired: DesiredNetwork;
  /** Data planes to run; what others have made is to be removed. */
  readonly backends: readonly Backend[];
  /** To announce once `desired` is applied. */
  readonly announcement: Announcement;
  readonly podNetworks: PodNetworks;
  readonly networks: PerFamily<Prefix>;
  readonly problems: readonly PeerProblem[];
}

/** Families in which the node has pods, or the reason why it has none. */
export function podFamilies({ conf, own }: ClusterNetwork): readonly Family[] | string {
  const families = FAMILIES.filter((family) => conf.networks[family] && own.podPrefixes[family]);
  for (const family of families) {
    const [network, part] = [conf.networks[family]?.network, own.podPrefixes[family]];
    if (network === undefined || part === undefined) continue;
    if (contains(network, part.address) && part.length >= network.length) continue;
    return `node "${own.name}" has pods in ${formatPrefix(part)}, which is not part of ${formatPrefix(network)} of net-conf.json`;
  }
  if (families.length > 0) return families;
  const wanted = FAMILIES.filter((family) => conf.networks[family]).map((family) => `IPv${family}`);
  return `node "${own.name}" has no podCIDR of ${wanted.join(" or ")} yet`;
}

export function planNetwork(network: ClusterNetwork, host: ObservedHost): NetworkPlan {
  const { conf, own, others } = network;
  const families = FAMILIES.filter((family) => own.podPrefixes[family] && host.underlay[family]);
  const announced = others.flatMap(({ announcement, ...node }) =>
    announcement === undefined
      ? []
      : [{ ...node, announcement, isDirect: isDirect({ ...node, announcement }, families, host) }],
  );
  const backend = conf.backend.type;
  const backends = neededBackends(
    backend,
    announced.map(({ announcement, isDirect }) => ({ backend: announcement.backend, isDirect })),
  );
  const problems: PeerProblem[] = [];
  const peers = announced.map(({ name, podPrefixes, announcement, isDirect }): Peer => {
    const { publicAddresses, vteps = {} } = announcement;
    const chosen = chooseBackend({ backend, receives: backends }, announcement, isDirect);
    if (chosen === "vxlan") problems.push(...otherVnis(name, vteps, conf));
    return {
      name,
      backend: chosen,
      podPrefixes,
      underlayAddresses: publicAddresses,
      vtepMacs: { 4: macOf(vteps[4], conf), 6: macOf(vteps[6], conf) },
    };
  });
  const ownVteps = backends.includes("vxlan") ? ownVtepsOf(own, conf, families) : undefined;
  const only = <T>(values: PerFamily<T>): PerFamily<T> =>
    Object.fromEntries(families.flatMap((family) => (values[family] === undefined ? [] : [[family, values[family]]])));
  const publicAddresses: PerFamily<IpAddress> = only({
    4: host.underlay[4]?.publicAddress,
    6: host.underlay[6]?.publicAddress,
  });
  return {
    desired: {
      local: {
        name: own.name,
        podPrefixes: only(own.podPrefixes),
        underlay: only(host.underlay),
        ...(ownVteps && { vtepMacs: { 4: ownVteps[4]?.mac, 6: ownVteps[6]?.mac } }),
      },
      peers,
    },
    backends,
    announcement: { backend, publicAddresses, receives: backends, ...(ownVteps && { vteps: ownVteps }) },
    podNetworks: {
      networks: FAMILIES.flatMap((family) => conf.networks[family]?.network ?? []),
      nodePods: families.flatMap((family) => own.podPrefixes[family] ?? []),
    },
    networks: only({ 4: conf.networks[4]?.network, 6: conf.networks[6]?.network }),
    problems,
  };
}

/** On one L2 network in every family in which both have pods. While a link is down or has no route, nobody can tell. */
function isDirect(
  { podPrefixes, announcement }: ClusterNode & { readonly announcement: Announcement },
  families: readonly Family[],
  { underlay, lookups }: ObservedHost,
): boolean {
  return families
    .filter((family) => podPrefixes[family])
    .every((family) => {
      const [address, link] = [announcement.publicAddresses[family], underlay[family]];
      if (address === undefined || link === undefined || !link.up || lookups.get(address) === undefined) return true;
      return whyNotDirect(address, link, lookups) === undefined;
    });
}

/** The addresses that were announced before, be it by flanneld, so that no peer has to learn new ones. */
function ownVtepsOf(
  { name, announcement }: OwnNode,
  conf: FlannelNetConf,
  families: readonly Family[],
): PerFamily<Vtep> {
  const vni = vniOf(conf);
  return Object.fromEntries(
    families.map((family) => [family, { vni, mac: announcement?.vteps?.[family]?.mac ?? vtepMac(name, family) }]),
  );
}

function vniOf({ backend }: FlannelNetConf): number {
  return (backend.type === "vxlan" ? backend.vni : undefined) ?? 1;
}

function macOf(vtep: Vtep | undefined, conf: FlannelNetConf): Vtep["mac"] | undefined {
  return vtep?.vni === vniOf(conf) ? vtep.mac : undefined;
}

function otherVnis(peer: string, vteps: PerFamily<Vtep>, conf: FlannelNetConf): readonly PeerProblem[] {
  const wanted = vniOf(conf);
  return FAMILIES.flatMap((family) => {
    const vni = vteps[family]?.vni;
    if (vni === undefined || vni === wanted) return [];
    return [{ peer, family, reason: `it announces VNI ${vni}, and net-conf.json says ${wanted}` }];
  });
}

/** Addresses whose routes a plan has to know. */
export function peerAddresses({ others }: ClusterNetwork): readonly IpAddress[] {
  return others.flatMap(({ announcement }) =>
    FAMILIES.flatMap((family) => announcement?.publicAddresses[family] ?? []),
  );
}
