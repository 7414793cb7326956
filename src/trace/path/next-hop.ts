/** From a route to the frame: who is the next hop, and which hardware address does it have? */
import type { IpAddress } from "#base/ip-address.ts";
import type { MacAddress } from "#base/mac-address.ts";
import type { Neighbour } from "#kernel/rtnetlink/neighbour.ts";
import type { Route } from "#kernel/rtnetlink/route.ts";
import type { Packet } from "./packet.ts";
import { describeRoute, nextHopOf } from "./route-for.ts";
import { type LinkAt, segmentOf, withAddress, withMac } from "./segment.ts";
import { type At, describeLink, type Outcome, stopAt, type Walk } from "./walk.ts";

export function sendToNextHop(walk: Walk, at: At, route: Route, packet: Packet): Outcome {
  const { namespace, link } = at;
  const hop = nextHopOf(route).gateway ?? packet.destination;
  const why = describeRoute(namespace, route);
  if (link.kind?.type === "tun") return { next: { do: "send by tun", at, packet, why } };
  const neighbour = namespace.neighbours.find(({ ifindex, address }) => ifindex === link.ifindex && address === hop);
  if (link.kind?.type === "vxlan") {
    if (neighbour?.mac === undefined) {
      const message = `${namespace.name} has no neighbour entry for ${hop} on ${link.name}`;
      return stopAt(at, "wrong neighbour", message, [why, describeNeighbour(hop, neighbour)]);
    }
    return { next: { do: "send by vxlan", at, frame: { destinationMac: neighbour.mac, packet }, why } };
  }
  const segment = segmentOf(walk.world, at);
  const owners = withAddress(segment, hop).filter((one) => one.namespace !== namespace);
  const resolved = resolve(walk, { at, hop, segment, owners, neighbour, why, isGateway: hop !== packet.destination });
  if (typeof resolved !== "string") return resolved;
  return { next: { do: "transmit", at, frame: { destinationMac: resolved, packet }, why } };
}

interface Resolution {
  readonly at: At;
  readonly hop: IpAddress;
  readonly segment: readonly LinkAt[];
  readonly owners: readonly LinkAt[];
  readonly neighbour: Neighbour | undefined;
  readonly why: string;
  readonly isGateway: boolean;
}

function resolve(
  walk: Walk,
  { at, hop, segment, owners, neighbour, why, isGateway }: Resolution,
): MacAddress | Outcome {
  const { namespace, link } = at;
  const evidence = [why, describeNeighbour(hop, neighbour)];
  const owner = owners[0];
  if (owner === undefined) {
    // With its link down an IPv6 address is gone, and nobody answers for it.
    const down = segment.find((one) => one.link.kind?.type === "bridge" && !one.link.up);
    if (down !== undefined) {
      const message = `bridge ${down.link.name} of ${down.namespace.name} is down`;
      return stopAt(down, "bridge down", message, [describeLink(down), ...evidence]);
    }
    const node = walk.world.nodes.find(({ underlayAddresses }) => underlayAddresses.includes(hop));
    if (node !== undefined) {
      const reason = walk.world.missing.get(node.name) ?? "no link of the underlay has this address";
      return stopAt(at, "dead peer", `${hop} of ${node.name} does not answer on ${link.name} of ${namespace.name}`, [
        ...evidence,
        `${node.name}: ${reason}`,
      ]);
    }
    const what = isGateway ? "the next hop" : "the destination";
    const message = `nobody on the segment of ${link.name} of ${namespace.name} has ${what}, ${hop}`;
    return stopAt(at, isGateway ? "wrong gateway" : "missing address", message, evidence);
  }
  if (owners.length > 1) {
    const places = owners.map((one) => `${one.namespace.name} ${one.link.name} (${one.link.mac})`);
    return stopAt(at, "duplicate address", `${hop} is at ${owners.length} places: ${places.join(", ")}`, evidence);
  }
  const isFixed = neighbour?.state === "permanent" || neighbour?.state === "noarp";
  if (
    neighbour?.mac !== undefined &&
    neighbour.mac !== owner.link.mac &&
    (isFixed || withMac(segment, neighbour.mac).length > 0)
  ) {
    const message = `${namespace.name} takes ${neighbour.mac} for ${hop}, but ${owner.namespace.name} is ${owner.link.mac}`;
    return stopAt(at, "wrong neighbour", message, [...evidence, describeLink(owner)]);
  }
  if (owner.link.mac === undefined) return stopAt(at, "not read", `${hop} has no hardware address`, evidence);
  return owner.link.mac;
}

function describeNeighbour(hop: IpAddress, neighbour: Neighbour | undefined): string {
  if (neighbour === undefined) return `ip neighbour show ${hop}: none`;
  return `ip neighbour: ${hop} ${neighbour.mac === undefined ? "" : `lladdr ${neighbour.mac} `}${neighbour.state}`;
}
