/**
 * The peers of one back end, one entry per family, as far as what they announce makes sense together. Pure.
 * What does not is left out and named: one node's wrong annotation must not harm the paths to the others.
 */
import { type Family, formatPrefix, type IpAddress, networkOf, overlaps, type Prefix } from "#base/ip-address.ts";
import type { MacAddress } from "#base/mac-address.ts";
import { type Backend, type DesiredNetwork, FAMILIES, type Peer, type PeerProblem } from "./contract.ts";

export interface PeerEndpoint {
  readonly peer: string;
  readonly family: Family;
  readonly podPrefix: Prefix;
  readonly underlayAddress: IpAddress;
  readonly vtepMac: MacAddress | undefined;
}

export interface PeerEndpoints {
  readonly endpoints: readonly PeerEndpoint[];
  readonly problems: readonly PeerProblem[];
}

/** Families in which this node has pods and an underlay. */
export function localFamilies({ local }: DesiredNetwork): readonly Family[] {
  return FAMILIES.filter((family) => local.podPrefixes[family] && local.underlay[family]);
}

export function peerEndpoints(desired: DesiredNetwork, backend: Backend): PeerEndpoints {
  const endpoints: PeerEndpoint[] = [];
  const problems: PeerProblem[] = [];
  const families = localFamilies(desired);
  // By name, so that of two peers that claim the same the same one has it on all nodes.
  const peers = desired.peers.filter(({ name }) => name !== desired.local.name).toSorted(byName);
  const claims = families.flatMap((family) => claimsOf(desired, peers, family));
  for (const peer of peers.filter((one) => one.backend === backend)) {
    for (const family of families) {
      const endpoint = endpointOf(peer, family);
      if (endpoint === undefined) continue;
      const reason =
        typeof endpoint === "string" ? endpoint : (overlap(endpoint, claims) ?? ownAddress(endpoint, desired));
      if (reason !== undefined) problems.push({ peer: peer.name, family, reason });
      else if (typeof endpoint !== "string") endpoints.push(endpoint);
    }
  }
  return { endpoints, problems };
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1;
}

/** Undefined when the peer has no pods of the family; a text when it does not say where it is. */
function endpointOf(peer: Peer, family: Family): PeerEndpoint | string | undefined {
  const podPrefix = peer.podPrefixes[family];
  const underlayAddress = peer.underlayAddresses[family];
  if (podPrefix === undefined) return undefined;
  if (underlayAddress === undefined) return `it announces IPv${family} pods but no IPv${family} address of the node`;
  return {
    peer: peer.name,
    family,
    podPrefix: networkOf(podPrefix),
    underlayAddress,
    vtepMac: peer.vtepMacs?.[family],
  };
}

interface Claim {
  readonly node: string;
  readonly prefix: Prefix;
}

function claimsOf({ local }: DesiredNetwork, peers: readonly Peer[], family: Family): readonly Claim[] {
  return [local, ...peers].flatMap(({ name, podPrefixes }) => {
    const prefix = podPrefixes[family];
    return prefix === undefined ? [] : [{ node: name, prefix: networkOf(prefix) }];
  });
}

/** An earlier claim wins: this node's own, then by name. */
function overlap({ peer, podPrefix }: PeerEndpoint, claims: readonly Claim[]): string | undefined {
  for (const { node, prefix } of claims) {
    if (node === peer) return undefined;
    if (!overlaps(prefix, podPrefix)) continue;
    return `its pod network ${formatPrefix(podPrefix)} overlaps ${formatPrefix(prefix)} of node "${node}"`;
  }
  return undefined;
}

function ownAddress({ underlayAddress, family }: PeerEndpoint, { local }: DesiredNetwork): string | undefined {
  if (local.underlay[family]?.address !== underlayAddress) return undefined;
  return `it announces ${underlayAddress}, which is this node's own address`;
}
