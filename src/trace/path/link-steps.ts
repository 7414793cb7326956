/** A frame on links: out of a veth into its end, through a bridge's ports, up to the network layer. */
import { familyOf } from "#base/ip-address.ts";
import type { Link } from "#kernel/rtnetlink/link.ts";
import { findLinkByIndex } from "../facts/world-facts.ts";
import { firewall, postrouting } from "./hooks.ts";
import { nftVerdict } from "./nft-verdict.ts";
import type { Frame, Packet } from "./packet.ts";
import { peerOf, portsOf, segmentOf, withMac } from "./segment.ts";
import { type At, addHop, describeLink, type Outcome, stopAt, type Walk } from "./walk.ts";

/** Sends the frame out of a link: to the veth's end, or into the bridge whose own link it is. */
export function transmit(walk: Walk, at: At, frame: Frame, why: string): Outcome {
  const { link } = at;
  const isBridge = link.kind?.type === "bridge";
  if (!link.up) {
    const cause = isBridge ? "bridge down" : "link down";
    return stopAt(at, cause, `${link.name} of ${at.namespace.name} is down`, [describeLink(at)]);
  }
  if (frame.packet.bytes > link.mtu) return tooLarge(at, frame);
  if (isBridge) {
    addHop(walk, at, "out", frame, why);
    return { next: { do: "forward in bridge", at, ingress: undefined, frame } };
  }
  const end = peerOf(walk.world, at);
  if (end === undefined) {
    addHop(walk, at, "out", frame, why);
    const message = `the other end of ${link.name} of ${at.namespace.name} is not known`;
    return stopAt(at, "not read", message, [describeLink(at)]);
  }
  if (!end.link.up || !link.lowerUp) {
    const where = `${end.link.name} of ${end.namespace.name}, the other end of ${link.name} of ${at.namespace.name},`;
    return stopAt(end, "link down", `${where} is down`, [describeLink(at), describeLink(end)]);
  }
  addHop(walk, at, "out", frame, why);
  return { next: { do: "receive frame", at: end, frame, why: `other end of ${link.name}` } };
}

export function receive(walk: Walk, at: At, frame: Frame, why: string): Outcome {
  const { namespace, link } = at;
  addHop(walk, at, "in", frame, why);
  const bridge = link.bridgePort && findLinkByIndex(namespace, link.master);
  if (bridge !== undefined) {
    return { next: { do: "forward in bridge", at: { namespace, link: bridge }, ingress: link, frame } };
  }
  const { destinationMac } = frame;
  if (destinationMac !== undefined && link.mac !== undefined && destinationMac !== link.mac) {
    const message = `the frame is for ${destinationMac}, but ${link.name} of ${namespace.name} is ${link.mac}`;
    return stopAt(at, "wrong neighbour", message, [describeLink(at)]);
  }
  return { next: { do: "receive packet", at, packet: frame.packet } };
}

/** `ingress` is undefined for what the machine itself sends into its bridge. */
export function forwardInBridge(walk: Walk, bridge: At, ingress: Link | undefined, frame: Frame): Outcome {
  const { namespace, link } = bridge;
  if (!link.up) {
    return stopAt(bridge, "bridge down", `bridge ${link.name} of ${namespace.name} is down`, [describeLink(bridge)]);
  }
  if (ingress?.bridgePort && ingress.bridgePort.state !== "forwarding") return notForwarding(bridge, ingress);
  const ports = portsOf(namespace, link);
  const { destinationMac } = frame;
  const isOwn = destinationMac === link.mac || ports.some(({ mac }) => mac === destinationMac);
  if (isOwn && ingress !== undefined) {
    addHop(walk, bridge, "in", frame, `${destinationMac} is the bridge's own`);
    return { next: { do: "receive packet", at: bridge, packet: frame.packet } };
  }
  const egress = destinationMac && findEgress(walk, bridge, ingress, frame);
  if (egress === undefined) {
    const message = `bridge ${link.name} of ${namespace.name} has no port that leads to ${destinationMac}`;
    return stopAt(
      bridge,
      "wrong FDB entry",
      message,
      ports.map((port) => describeLink({ namespace, link: port })),
    );
  }
  return sendOutOfPort(walk, bridge, ingress, egress, frame);
}

interface Egress {
  readonly port: Link;
  readonly why: string;
}

/** By the forwarding database; without an entry the frame goes to all ports, and one of them leads there. */
function findEgress(walk: Walk, { namespace, link }: At, ingress: Link | undefined, frame: Frame): Egress | undefined {
  const mac = frame.destinationMac;
  if (mac === undefined) return undefined;
  const ports = portsOf(namespace, link);
  const entry = namespace.fdb.find(
    (one) => one.mac === mac && one.owner === "master" && ports.some(({ ifindex }) => ifindex === one.ifindex),
  );
  const known = ports.find(({ ifindex }) => ifindex === entry?.ifindex);
  if (known !== undefined) return { port: known, why: `fdb ${mac} dev ${known.name} master ${link.name}` };
  const port = ports.find((candidate) => {
    if (candidate.ifindex === ingress?.ifindex) return false;
    const end = peerOf(walk.world, { namespace, link: candidate });
    return (
      end !== undefined && withMac(segmentOf({ ...walk.world }, end), mac).some((at) => at.namespace !== namespace)
    );
  });
  return port && { port, why: `flooded: ${link.name} has no fdb entry for ${mac}` };
}

function sendOutOfPort(
  walk: Walk,
  bridge: At,
  ingress: Link | undefined,
  { port, why }: Egress,
  frame: Frame,
): Outcome {
  const { namespace } = bridge;
  const at = { namespace, link: port };
  if (port.bridgePort?.state !== "forwarding") return port.up ? notForwarding(bridge, port) : downPort(at);
  if (ingress?.ifindex === port.ifindex && port.bridgePort.hairpin !== true) {
    const message = `port ${port.name} of ${bridge.link.name} does not send back what came in by it (hairpin off)`;
    return stopAt(at, "wrong FDB entry", message, [why]);
  }
  if (ingress?.bridgePort?.isolated && port.bridgePort.isolated) {
    return stopAt(at, "firewall drop", `ports ${ingress.name} and ${port.name} are isolated from each other`, [why]);
  }
  if (ingress !== undefined) {
    const hook = { namespace, packet: frame.packet, iif: ingress.name, oif: port.name };
    const verdict = nftVerdict(hook, "forward", ["bridge"]);
    walk.uncertain.push(...verdict.uncertain);
    if (verdict.kind === "drop") {
      const message = `a rule of ${namespace.name} drops what crosses ${bridge.link.name}`;
      return stopAt(at, "firewall drop", message, [verdict.rule ?? ""]);
    }
  }
  const filtered = ingress === undefined ? { packet: frame.packet } : bridgeNetfilter(walk, bridge, frame.packet);
  if ("stop" in filtered) return filtered;
  return transmit(walk, at, { ...frame, packet: filtered.packet }, why);
}

/** With br_netfilter, what crosses a bridge passes the hooks of the network layer too, as if it came and went by the bridge. */
function bridgeNetfilter(walk: Walk, { namespace, link }: At, packet: Packet): ReturnType<typeof postrouting> {
  const key = familyOf(packet.destination) === 4 ? "bridge/bridge-nf-call-iptables" : "bridge/bridge-nf-call-ip6tables";
  if (namespace.sysctls[key] !== 1) return { packet };
  const hook = { namespace, packet, iif: link.name, oif: link.name };
  for (const name of ["prerouting", "forward"] as const) {
    const drop = firewall(walk, hook, name);
    if (drop !== undefined) return drop;
  }
  return postrouting(walk, hook, link);
}

function downPort(at: At): Outcome {
  return stopAt(at, "link down", `port ${at.link.name} of ${at.namespace.name} is down`, [describeLink(at)]);
}

function notForwarding({ namespace, link }: At, port: Link): Outcome {
  const at = { namespace, link: port };
  if (!port.up || !port.lowerUp) return downPort(at);
  const state = port.bridgePort?.state ?? "unknown";
  return stopAt(at, "link down", `port ${port.name} of ${link.name} is ${state}, not forwarding`, [describeLink(at)]);
}

function tooLarge(at: At, { packet }: Frame): Outcome {
  const { namespace, link } = at;
  const message = `a packet of ${packet.bytes} bytes is larger than the MTU of ${link.name} of ${namespace.name}, ${link.mtu}`;
  return stopAt(at, "MTU hole", message, [describeLink(at)]);
}
