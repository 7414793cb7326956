/**
 * The way that a packet takes through a world, from what was read of its kernels alone: no packet is sent.
 * The steps live in ip-steps, next-hop, link-steps and tunnel-steps; each names the next one, until the packet is
 * delivered or stops.
 */
import { findLinkByName, type WorldFacts } from "../facts/world-facts.ts";
import { deliver, receivePacket, sendPacket } from "./ip-steps.ts";
import { forwardInBridge, receive, transmit } from "./link-steps.ts";
import { sendToNextHop } from "./next-hop.ts";
import type { Packet } from "./packet.ts";
import type { Path } from "./path.ts";
import { receiveFromTunnel, sendByTun, sendByVxlan } from "./tunnel-steps.ts";
import { type Next, type Outcome, stopAt, type Walk } from "./walk.ts";

export interface PredictOptions {
  /** Link by which the packet came in, if the namespace does not send it but goes on with it. */
  readonly arrivedBy?: string | undefined;
  /** Which of a Service's backends the kernel takes by chance; default: the first. */
  readonly choice?: number | undefined;
}

/** `from` is the name of the namespace that sends. */
export function predictPath(world: WorldFacts, from: string, packet: Packet, options: PredictOptions = {}): Path {
  const walk: Walk = { world, hops: [], translations: [], uncertain: [], choice: options.choice };
  let outcome = start(walk, from, packet, options);
  while ("next" in outcome) outcome = take(walk, outcome.next);
  const { hops, translations, uncertain } = walk;
  const end = "stop" in outcome ? { stop: outcome.stop } : { reached: outcome.reached };
  return { hops, translations, uncertain: [...new Set(uncertain)], ...end };
}

function start({ world }: Walk, from: string, packet: Packet, { arrivedBy }: PredictOptions): Outcome {
  const namespace = world.namespaces.get(from);
  if (namespace === undefined) {
    const evidence = [world.missing.get(from) ?? "it is not known"];
    return { stop: { cause: "not read", namespace: from, message: `${from} could not be read`, evidence } };
  }
  const link = arrivedBy === undefined ? undefined : findLinkByName(namespace, arrivedBy);
  if (link !== undefined) return { next: { do: "receive packet", at: { namespace, link }, packet } };
  if (namespace.addresses.some(({ prefix }) => prefix.address === packet.source)) {
    return { next: { do: "send packet", namespace, packet } };
  }
  const evidence = namespace.addresses.map(({ prefix }) => `${from} has ${prefix.address}`);
  return stopAt({ namespace }, "missing address", `${from} does not have ${packet.source}`, evidence);
}

function take(walk: Walk, next: Next): Outcome {
  switch (next.do) {
    case "send packet":
      return sendPacket(walk, next.namespace, next.packet);
    case "receive packet":
      return receivePacket(walk, next.at, next.packet);
    case "deliver":
      return deliver(walk, next.namespace, next.packet, next.iif);
    case "decapsulate":
      return receiveFromTunnel(walk, next.namespace, next.packet);
    case "resolve next hop":
      return sendToNextHop(walk, next.at, next.route, next.packet);
    case "send by vxlan":
      return sendByVxlan(walk, next.at, next.frame, next.why);
    case "send by tun":
      return sendByTun(walk, next.at, next.packet, next.why);
    case "transmit":
      return transmit(walk, next.at, next.frame, next.why);
    case "receive frame":
      return receive(walk, next.at, next.frame, next.why);
    case "forward in bridge":
      return forwardInBridge(walk, next.at, next.ingress, next.frame);
  }
}
