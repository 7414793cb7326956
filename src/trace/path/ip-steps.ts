/** A packet in the network layer of a namespace: firewall, route, reverse path filter, forwarding, delivery. */
import { contains, familyOf } from "#base/ip-address.ts";
import type { Link } from "#kernel/rtnetlink/link.ts";
import type { Route } from "#kernel/rtnetlink/route.ts";
import { findLinkByIndex, type NamespaceFacts } from "../facts/world-facts.ts";
import { destinationNat, firewall, postrouting } from "./hooks.ts";
import { FLANNEL_UDP_PORT, type Packet } from "./packet.ts";
import { describeRoute, nextHopOf, routeFor } from "./route-for.ts";
import { type At, type Outcome, stopAt, type Walk } from "./walk.ts";

/** Hops after which a packet goes round: more than any pod network has. */
const MAX_HOPS = 60;

export function sendPacket(walk: Walk, namespace: NamespaceFacts, packet: Packet): Outcome {
  // Routed first, and once more when its destination is another.
  const oif = findLinkByIndex(namespace, firstLink(namespace, packet));
  const translated = destinationNat(walk, { namespace, packet, oif: oif?.name }, "output");
  if ("stop" in translated) return translated;
  return route(walk, { namespace, packet: translated.packet, iif: undefined });
}

export function receivePacket(walk: Walk, at: At, packet: Packet): Outcome {
  const { namespace, link } = at;
  const translated = destinationNat(walk, { namespace, packet, iif: link.name }, "prerouting");
  if ("stop" in translated) return translated;
  return reversePathFilter(at, translated.packet) ?? route(walk, { namespace, packet: translated.packet, iif: link });
}

function firstLink(namespace: NamespaceFacts, { source, destination }: Packet): number | undefined {
  const found = routeFor(namespace, { destination, source });
  return found?.type === "unicast" ? nextHopOf(found).oif : undefined;
}

interface Routed {
  readonly namespace: NamespaceFacts;
  readonly packet: Packet;
  /** Undefined for the namespace's own packets. */
  readonly iif: Link | undefined;
}

function route(walk: Walk, { namespace, packet, iif }: Routed): Outcome {
  const { source, destination } = packet;
  if (walk.hops.length > MAX_HOPS) {
    const last = walk.hops.slice(-6).map((hop) => `${hop.namespace} ${hop.link} ${hop.direction}: ${hop.why}`);
    return stopAt({ namespace }, "routing loop", `the packet to ${destination} goes round`, last);
  }
  const found = routeFor(namespace, { destination, source, iif: iif?.name });
  if (found?.type === "local" || found?.type === "anycast") return { next: { do: "deliver", namespace, packet, iif } };
  if (found?.type !== "unicast") return noRoute(walk, namespace, destination, found);
  if (iif !== undefined && !isForwarding(namespace, packet, iif)) {
    const key = familyOf(destination) === 4 ? "net.ipv4.ip_forward" : "net.ipv6.conf.all.forwarding";
    return stopAt({ namespace, link: iif }, "forwarding off", `${namespace.name} does not forward packets`, [
      `${key} = 0`,
    ]);
  }
  const oif = findLinkByIndex(namespace, nextHopOf(found).oif);
  if (oif === undefined) {
    return stopAt({ namespace }, "missing route", `the route of ${namespace.name} leads to no link`, [
      describeRoute(namespace, found),
    ]);
  }
  const hook = { namespace, packet, iif: iif?.name, oif: oif.name };
  const drop = firewall(walk, hook, iif === undefined ? "output" : "forward");
  if (drop !== undefined) return drop;
  if (found.mtu !== undefined && packet.bytes > found.mtu) {
    const message = `a packet of ${packet.bytes} bytes is larger than the MTU of the route of ${namespace.name}, ${found.mtu}`;
    return stopAt({ namespace, link: oif }, "MTU hole", message, [describeRoute(namespace, found)]);
  }
  if (iif !== undefined && packet.bytes > oif.mtu) {
    const message = `a packet of ${packet.bytes} bytes is larger than the MTU of ${oif.name} of ${namespace.name}, ${oif.mtu}`;
    return stopAt({ namespace, link: oif }, "MTU hole", message, [describeRoute(namespace, found)]);
  }
  const translated = postrouting(walk, hook, oif);
  if ("stop" in translated) return translated;
  return { next: { do: "resolve next hop", at: { namespace, link: oif }, route: found, packet: translated.packet } };
}

function noRoute(
  walk: Walk,
  namespace: NamespaceFacts,
  destination: Packet["destination"],
  found: Route | undefined,
): Outcome {
  const near = namespace.routes.filter(
    ({ destination: { length }, table, type }) => length === 0 && table === 254 && type === "unicast",
  );
  const evidence =
    found === undefined
      ? [
          `${namespace.name}: ip route get ${destination}: Network is unreachable`,
          ...near.map((one) => describeRoute(namespace, one)),
        ]
      : [`${namespace.name}: ${describeRoute(namespace, found)}`];
  const owner = walk.world.nodes.find(({ podPrefixes }) => podPrefixes.some((prefix) => contains(prefix, destination)));
  const whose = owner === undefined ? "" : `, whose pods are on ${owner.name}`;
  return stopAt({ namespace }, "missing route", `${namespace.name} has no route to ${destination}${whose}`, evidence);
}

function isForwarding({ sysctls }: NamespaceFacts, { destination }: Packet, iif: Link): boolean {
  const isIpv4 = familyOf(destination) === 4;
  const all = sysctls[isIpv4 ? "ipv4/ip_forward" : "ipv6/conf/all/forwarding"];
  const own = isIpv4 ? sysctls[`ipv4/conf/${iif.name}/forwarding`] : undefined;
  return (own ?? all) !== 0;
}

/** Strict (1): the source's route leaves by the same link. Loose (2): there is a route. The larger of two settings counts. */
function reversePathFilter(at: At, { source, destination }: Packet): Outcome | undefined {
  if (familyOf(source) !== 4) return undefined;
  const { namespace, link } = at;
  const keys = ["ipv4/conf/all/rp_filter", `ipv4/conf/${link.name}/rp_filter`];
  const mode = Math.max(...keys.map((key) => namespace.sysctls[key] ?? 0));
  if (mode === 0) return undefined;
  const back = routeFor(namespace, { destination: source, source: destination });
  const oif = back && findLinkByIndex(namespace, nextHopOf(back).oif);
  if (back !== undefined && (mode === 2 || oif?.ifindex === link.ifindex)) return undefined;
  const where = back === undefined ? "has no route" : `has its route by ${oif?.name ?? "no link"}`;
  const message = `${namespace.name} drops what comes from ${source} by ${link.name}, because the way back ${where}`;
  return stopAt(at, "rp_filter", message, [
    ...keys.map((key) => `net/${key} = ${namespace.sysctls[key] ?? "?"}`),
    back === undefined ? `ip route get ${source}: Network is unreachable` : describeRoute(namespace, back),
  ]);
}

export function deliver(walk: Walk, namespace: NamespaceFacts, packet: Packet, iif: Link | undefined): Outcome {
  const drop = firewall(walk, { namespace, packet, iif: iif?.name ?? "lo" }, "input");
  if (drop !== undefined) return drop;
  const { inner, destinationPort } = packet;
  if (inner !== undefined && (inner.vni !== undefined || destinationPort === FLANNEL_UDP_PORT)) {
    return { next: { do: "decapsulate", namespace, packet } };
  }
  return { reached: { namespace: namespace.name, link: iif?.name ?? "lo", packet } };
}
