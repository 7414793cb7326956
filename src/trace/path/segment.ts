/**
 * Which links hear each other without a router between them: through veths and bridges, whatever their state, so that a
 * search finds who should have answered, and the walk then shows what lies between.
 */
import type { IpAddress } from "#base/ip-address.ts";
import type { MacAddress } from "#base/mac-address.ts";
import type { Link } from "#kernel/rtnetlink/link.ts";
import { findLinkByIndex, type NamespaceFacts, type WorldFacts } from "../facts/world-facts.ts";

export interface LinkAt {
  readonly namespace: NamespaceFacts;
  readonly link: Link;
}

/** All links on the segment of this one that can have an address: ends of veths outside of bridges, and bridges. */
export function segmentOf(world: WorldFacts, start: LinkAt): readonly LinkAt[] {
  const seen = new Map<string, LinkAt>();
  const waiting: LinkAt[] = [start];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    const key = `${at.namespace.name} ${at.link.ifindex}`;
    if (seen.has(key)) continue;
    seen.set(key, at);
    waiting.push(...neighboursOf(world, at));
  }
  return [...seen.values()].filter(({ link }) => link.bridgePort === undefined);
}

function neighboursOf(world: WorldFacts, { namespace, link }: LinkAt): readonly LinkAt[] {
  const found: LinkAt[] = [];
  const end = peerOf(world, { namespace, link });
  if (end !== undefined) found.push(end);
  if (link.kind?.type === "bridge") found.push(...portsOf(namespace, link).map((port) => ({ namespace, link: port })));
  const bridge = link.bridgePort && findLinkByIndex(namespace, link.master);
  if (bridge !== undefined) found.push({ namespace, link: bridge });
  return found;
}

export function peerOf(world: WorldFacts, { namespace, link }: LinkAt): LinkAt | undefined {
  const end = namespace.peers.get(link.ifindex);
  const other = end && world.namespaces.get(end.namespace);
  const otherLink = other && findLinkByIndex(other, end.ifindex);
  return other && otherLink && { namespace: other, link: otherLink };
}

export function portsOf(namespace: NamespaceFacts, bridge: Link): readonly Link[] {
  return namespace.links.filter(({ master, bridgePort }) => bridgePort !== undefined && master === bridge.ifindex);
}

export function withAddress(links: readonly LinkAt[], address: IpAddress): readonly LinkAt[] {
  // Linux answers for all addresses of a namespace on every link (arp_ignore 0), so the namespace's own are enough.
  return links.filter(({ namespace }) => namespace.addresses.some(({ prefix }) => prefix.address === address));
}

export function withMac(links: readonly LinkAt[], mac: MacAddress): readonly LinkAt[] {
  return links.filter(({ link }) => link.mac === mac);
}
