/** Turns what the kernel tells of a packet or a connection into a flow with names. Pure. */
import { contains, type IpAddress, parsePrefix } from "#base/ip-address.ts";
import type { DropReason } from "#dataplane/policy/contract.ts";
import type { ConntrackEntry } from "#kernel/nfnetlink/conntrack-message.ts";
import type { LoggedPacket } from "#kernel/nfnetlink/watch-nflog.ts";
import type { Direction, PodId, PolicyId } from "#policy/rule-model.ts";
import type { Flow, FlowEnd } from "./flow.ts";
import type { FlowNames } from "./flow-names.ts";
import { readPacket } from "./read-packet.ts";

/** What the node's enforcer knows of its own rules. */
export interface DropNames {
  explainDrop(prefix: string): DropReason | undefined;
  /** NetworkPolicies that isolate a pod of this node. */
  isolating(pod: PodId, direction: Direction): readonly PolicyId[];
  /** Whose link it is. */
  podOfLink(link: string): PodId | undefined;
}

export interface DescribeDeps {
  readonly node: string;
  readonly names: Pick<FlowNames, "pod" | "node" | "service">;
  readonly nowMicros: () => number;
}

export interface DropDeps extends DescribeDeps {
  readonly drops: DropNames;
  readonly linkName: (ifindex: number) => string | undefined;
}

/** Undefined for messages of others, and packets that cannot be read. */
export function describeDrop(deps: DropDeps, packet: LoggedPacket): Flow | undefined {
  const { node, drops, nowMicros } = deps;
  const reason = drops.explainDrop(packet.prefix);
  const ends = reason && readPacket(packet.packet, packet.protocol);
  if (reason === undefined || ends === undefined || isNoNews(reason, ends.destination)) return undefined;
  const [inLink, outLink] = [
    linkOf(deps, packet.inPortIfindex ?? packet.inIfindex),
    linkOf(deps, packet.outPortIfindex ?? packet.outIfindex),
  ];
  const { protocol, sourcePort, destinationPort } = ends;
  const isSpoofed = !isByRule(reason.reason) && reason.reason !== "isolation" && reason.reason !== "unknown pod";
  // Who lies about the address is told by the link.
  const sender = isSpoofed && inLink !== undefined ? drops.podOfLink(inLink) : undefined;
  const source = endOf(deps, ends.source, sourcePort);
  return {
    kind: "flow",
    timeMicros: packet.timestampMicros ?? nowMicros(),
    node,
    hop: [inLink, outLink].filter((name) => name !== undefined).join(" → "),
    verdict: "dropped",
    protocol,
    source: sender === undefined ? source : { ...source, pod: sender },
    destination: endOf(deps, ends.destination, destinationPort),
    direction: reason.direction,
    policies: policiesOf(drops, reason),
    rule: reason.reason,
  };
}

/** A new pod's kernel tells its groups before its port is attached. */
function isNoNews({ reason }: DropReason, destination: IpAddress): boolean {
  return reason === "unknown port" && MULTICAST.some((prefix) => contains(prefix, destination));
}
const MULTICAST = ["224.0.0.0/4", "ff00::/8"].map(parsePrefix);

/** A rule's id names its policy first: `networkpolicy/default/web ingress 0`. */
export function isByRule(reason: string): boolean {
  return /^(network|clusternetwork)policy\//.test(reason);
}

function policiesOf(drops: DropNames, { pod, direction, reason }: DropReason): readonly PolicyId[] {
  if (isByRule(reason)) return [reason.slice(0, reason.indexOf(" "))];
  return reason === "isolation" && pod !== undefined ? drops.isolating(pod, direction) : [];
}

/** Undefined for connections that no pod has a part in: they are the node's own. */
export function describeConnection(deps: DescribeDeps, { original, reply }: ConntrackEntry): Flow | undefined {
  const { node, names, nowMicros } = deps;
  const source = endOf(deps, original.source, original.sourcePort);
  const destination = endOf(deps, reply.source, reply.sourcePort);
  if (source.pod === undefined && destination.pod === undefined) return undefined;
  const protocol = protocolName(original.protocol);
  const isTranslated = original.destination !== reply.source || original.destinationPort !== reply.sourcePort;
  const asked = names.service(original.destination, protocol, original.destinationPort);
  const here = [names.pod(original.source)?.node, names.pod(reply.source)?.node].map((at) => at === node);
  return {
    kind: "flow",
    timeMicros: nowMicros(),
    node,
    hop: here[0] ? (here[1] ? "within" : "leaves") : here[1] ? "arrives" : "passes",
    verdict: "allowed",
    protocol,
    source,
    destination,
    ...(isTranslated && { service: asked ?? formatEnd(original.destination, original.destinationPort) }),
  };
}

function endOf({ names }: DescribeDeps, address: IpAddress, port: number | undefined): FlowEnd {
  const pod = names.pod(address)?.name;
  const node = pod === undefined ? names.node(address) : undefined;
  return {
    address,
    ...(port !== undefined && { port }),
    ...(pod !== undefined && { pod }),
    ...(node !== undefined && { node }),
  };
}

function linkOf({ linkName }: DropDeps, ifindex: number | undefined): string | undefined {
  return ifindex === undefined ? undefined : (linkName(ifindex) ?? `link ${ifindex}`);
}

function protocolName(protocol: ConntrackEntry["original"]["protocol"]): string {
  if (typeof protocol === "number") return `protocol ${protocol}`;
  return protocol === "icmpv6" ? "ICMPv6" : protocol.toUpperCase();
}

export function formatEnd(address: string, port: number | undefined): string {
  if (port === undefined) return address;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
