/**
 * Why a packet does not come to where it should: walks its way, and the answer's, through the kernels' state, and names
 * the hop and the setting that stops it. Pure.
 */
import { contains, formatPrefix, type IpAddress, type Prefix } from "#base/ip-address.ts";
import type { Link } from "#kernel/rtnetlink/link.ts";
import type { NamespaceFacts, WorldFacts } from "../facts/world-facts.ts";
import { type Packet, reversed } from "./packet.ts";
import type { Cause, Path, Stop } from "./path.ts";
import type { PolicyDrop } from "./policy-of-drop.ts";
import { predictPath } from "./predict-path.ts";
import { describeRoute, routeFor } from "./route-for.ts";

export interface Diagnosis {
  readonly cause: Cause;
  /** Namespace, and link where there is one: `node1 flannel.1`. */
  readonly hop: string;
  readonly message: string;
  readonly evidence: readonly string[];
  /** Whether the question or the answer meets it; undefined where no packet was sent. */
  readonly way?: "question" | "answer" | undefined;
  /** Of a drop by one of our policies. */
  readonly policy?: PolicyDrop | undefined;
}

/** What is known of a packet that failed. */
export interface PacketTrouble {
  /** The receiver saw another source. */
  readonly isTranslated?: boolean | undefined;
  /** What a kernel on the way said about it. */
  readonly refusal?: string | undefined;
}

export function diagnosePacket(
  world: WorldFacts,
  from: string,
  packet: Packet,
  { isTranslated = false, refusal }: PacketTrouble = {},
): Diagnosis {
  const path = predictPath(world, from, packet);
  const translation = path.translations.find(({ kind }) => kind === "source");
  if (isTranslated && translation !== undefined) {
    const { from: before, to: after, namespace, rule } = translation;
    const message = `${namespace} translates the source ${before.source} of ${before.source} → ${before.destination} to ${after.source}`;
    return { cause: "masqueraded", hop: namespace, message, evidence: [rule], way: "question" };
  }
  if (path.stop !== undefined) return fromStop(world, packet, path, path.stop, "question");
  const back = path.reached && answerPath(world, path, path.reached.packet);
  if (back?.stop !== undefined) return fromStop(world, reversed(packet), back, back.stop, "answer");
  const evidence = [...(refusal === undefined ? [] : [refusal]), ...path.uncertain, ...(back?.uncertain ?? [])];
  const message = "routes, neighbours, forwarding databases, rules and settings on the way are as they have to be";
  return { cause: "unknown", hop: path.reached?.namespace ?? from, message, evidence, way: "question" };
}

/** The answer to a translated packet goes to the translator, which gives it its true destination and sends it on. */
function answerPath(world: WorldFacts, path: Path, arrived: Packet): Path | undefined {
  if (path.reached === undefined) return undefined;
  const back = predictPath(world, path.reached.namespace, reversed(arrived));
  const translation = path.translations.findLast(({ kind }) => kind === "source");
  if (translation === undefined || back.reached?.namespace !== translation.namespace) return back;
  const { namespace, link } = back.reached;
  return predictPath(world, namespace, reversed(translation.from), { arrivedBy: link });
}

function fromStop(world: WorldFacts, packet: Packet, path: Path, stop: Stop, way: Diagnosis["way"]): Diagnosis {
  const { cause, message, evidence, namespace, link, policy } = stop;
  const hop = link === undefined ? namespace : `${namespace} ${link}`;
  const asItIs = { cause, hop, message, evidence, way, ...(policy && { policy }) };
  return (
    lackingRoute(world, packet, path, asItIs) ??
    deadPeer(world, stop, asItIs) ??
    wrongGateway(world, path, stop, asItIs) ??
    asItIs
  );
}

/** A packet to a pod that left the nodes by a default route, and ended wherever that leads. */
function lackingRoute(world: WorldFacts, { destination }: Packet, path: Path, found: Diagnosis): Diagnosis | undefined {
  if (found.cause !== "missing route" && found.cause !== "routing loop" && found.cause !== "missing address")
    return undefined;
  const target = podPrefixOf(world, destination);
  if (target === undefined) return undefined;
  const node = nodesOn(world, path).find((candidate) => {
    const route = routeFor(candidate, { destination });
    return route !== undefined && route.type === "unicast" && route.destination.length < target.prefix.length;
  });
  const route = node && routeFor(node, { destination });
  if (node === undefined || route === undefined) return undefined;
  const bridge = target.node === node.name ? downBridge(node) : undefined;
  if (bridge !== undefined) {
    const message = `${bridge.name} of ${node.name} is down, and with it the route to its pods is gone`;
    const evidence = [`${node.name}: ${bridge.name} <DOWN> state ${bridge.operstate}`, ...found.evidence];
    return { ...found, cause: "bridge down", hop: `${node.name} ${bridge.name}`, message, evidence };
  }
  const message = `${node.name} has no route to ${formatPrefix(target.prefix)}, the pods of ${target.node}: the packet takes another one`;
  const evidence = [`${node.name}: ip route get ${destination}: ${describeRoute(node, route)}`, ...found.evidence];
  return { ...found, cause: "missing route", hop: node.name, message, evidence };
}

/** A link that is down between two nodes: the node at its end is cut off. */
function deadPeer(world: WorldFacts, stop: Stop, found: Diagnosis): Diagnosis | undefined {
  if (stop.cause !== "link down" && stop.cause !== "not read") return undefined;
  const namespace = world.namespaces.get(stop.namespace);
  const link = namespace?.links.find(({ name }) => name === stop.link);
  if (namespace === undefined || link === undefined || namespace.role === "pod") return undefined;
  const end = namespace.peers.get(link.ifindex);
  const roles = [namespace, end && world.namespaces.get(end.namespace)];
  if (!roles.some((one) => one?.role === "underlay")) return undefined;
  const node = roles.find((one) => one?.role === "node");
  return node && { ...found, cause: "dead peer", message: `${node.name} is cut off: ${found.message}` };
}

/** A pod that took another pod for its gateway. */
function wrongGateway(world: WorldFacts, path: Path, stop: Stop, found: Diagnosis): Diagnosis | undefined {
  if (stop.cause !== "forwarding off" || world.namespaces.get(stop.namespace)?.role !== "pod") return undefined;
  const first = path.hops[0];
  if (first === undefined) return undefined;
  const message = `${first.namespace} sends to ${stop.namespace} as its gateway, which forwards nothing`;
  return {
    ...found,
    cause: "wrong gateway",
    hop: `${first.namespace} ${first.link}`,
    message,
    evidence: [first.why, ...found.evidence],
  };
}

/** The kernel takes routes away with their link, and IPv6 addresses too. */
function downBridge({ links }: NamespaceFacts): Link | undefined {
  return links.find(({ kind, up }) => kind?.type === "bridge" && !up);
}

function podPrefixOf(
  world: WorldFacts,
  address: IpAddress,
): { readonly node: string; readonly prefix: Prefix } | undefined {
  for (const { name, podPrefixes } of world.nodes) {
    const prefix = podPrefixes.find((one) => contains(one, address));
    if (prefix !== undefined) return { node: name, prefix };
  }
  return undefined;
}

/** Nodes in the order of the path, without repetition. */
function nodesOn(world: WorldFacts, { hops, stop }: Path): readonly NamespaceFacts[] {
  const names = new Set([...hops.map(({ namespace }) => namespace), ...(stop === undefined ? [] : [stop.namespace])]);
  return [...names].flatMap((name) => world.namespaces.get(name) ?? []).filter(({ role }) => role === "node");
}
