/** What one traced packet was predicted to do and was seen to do, side by side. Pure. */

import type { RecordedDrop } from "./cluster-access.ts";
import type { TracedTranslation } from "./connection-facts.ts";
import { findLinkByIndex, type WorldFacts } from "./facts/world-facts.ts";
import { decodePacket, isIcmpError, type Layer } from "./packet/decode-packet.ts";
import { describeLayers } from "./packet/describe-layers.ts";
import type { Diagnosis } from "./path/diagnose-packet.ts";
import { describePacket, FLANNEL_UDP_PORT, VXLAN_PORT } from "./path/packet.ts";
import type { Path } from "./path/path.ts";
import type { Observation } from "./watch-namespaces.ts";

export interface TraceHop {
  readonly namespace: string;
  readonly link: string;
  readonly direction: "in" | "out";
  /** Headers as they should be; undefined: it should not come here. */
  readonly predicted?: string | undefined;
  readonly why?: string | undefined;
  /** Undefined: it was not seen here. */
  readonly seen?: { readonly us: number; readonly headers: string; readonly layers: readonly Layer[] } | undefined;
}

export interface TraceReport {
  readonly from: string;
  readonly to: string;
  readonly packet: string;
  readonly marker: string;
  readonly hops: readonly TraceHop[];
  /** Answers and ICMP errors about the packet, where they were first seen. */
  readonly answers: readonly {
    readonly namespace: string;
    readonly link: string;
    readonly us: number;
    readonly headers: string;
  }[];
  readonly arrived: boolean;
  /** Where it was seen last, when it did not arrive. */
  readonly lastSeen?: string | undefined;
  readonly diagnosis?: Diagnosis | undefined;
  /** What an agent recorded of its drop. */
  readonly drop?: RecordedDrop | undefined;
  /** In the order in which they happen. */
  readonly translations: readonly TracedTranslation[];
  /** Why the sender's kernel refused it. */
  readonly refused?: string | undefined;
  readonly unproven: readonly string[];
}

export interface Decoded extends Observation {
  readonly layers: readonly Layer[];
  /** An echo reply, or an ICMP error that quotes the packet. */
  readonly isAnswer: boolean;
}

export function decodeObservation(world: WorldFacts, observation: Observation): Decoded {
  const vxlan = [...world.namespaces.values()].flatMap(({ links }) =>
    links.flatMap(({ kind }) => (kind?.type === "vxlan" ? [kind.port] : [])),
  );
  const { layers } = decodePacket(observation.data, {
    hasEthernet: observation.hasEthernet,
    vxlanPort: vxlan.find((port) => port !== undefined) ?? VXLAN_PORT,
    flannelUdpPort: FLANNEL_UDP_PORT,
  });
  const icmp = layers.find((layer) => layer.kind === "icmp");
  const isAnswer = icmp !== undefined && (isIcmpError(icmp.version, icmp.type) || icmp.type === 0 || icmp.type === 129);
  return { ...observation, layers, isAnswer };
}

/** Hops of the prediction in its order, each with what was seen there; what else was seen follows its predecessor in time. */
export function joinHops(world: WorldFacts, path: Path, observed: readonly Decoded[]): readonly TraceHop[] {
  const questions = observed.filter(({ isAnswer }) => !isAnswer).toSorted(byTime);
  const startNs = questions[0]?.timeNs ?? 0n;
  const left = new Set(questions);
  const hops: TraceHop[] = path.hops.map(({ namespace, link, ifindex, direction, frame, why }) => {
    const found = questions.find(
      (one) => left.has(one) && one.namespace === namespace && one.ifindex === ifindex && one.direction === direction,
    );
    if (found !== undefined) left.delete(found);
    return {
      namespace,
      link,
      direction,
      predicted: describePacket(frame.packet),
      why,
      seen: found && seenOf(found, startNs),
    };
  });
  for (const one of left) {
    const seen = seenOf(one, startNs);
    const at = hops.findLastIndex((hop) => hop.seen !== undefined && hop.seen.us <= seen.us);
    hops.splice(at + 1, 0, { namespace: one.namespace, link: linkName(world, one), direction: one.direction, seen });
  }
  return hops;
}

/** The first sight of each in the namespace that it comes from. */
export function listAnswers(world: WorldFacts, observed: readonly Decoded[]): TraceReport["answers"] {
  const startNs = observed.toSorted(byTime)[0]?.timeNs ?? 0n;
  const found = new Map<string, TraceReport["answers"][number]>();
  for (const one of observed.filter(({ isAnswer }) => isAnswer).toSorted(byTime)) {
    const ip = one.layers
      .filter((layer) => layer.kind === "ip")
      .map(({ source, destination }) => `${source} ${destination}`);
    const key = ip.at(-1) ?? "";
    if (found.has(key)) continue;
    found.set(key, { namespace: one.namespace, link: linkName(world, one), ...seenOf(one, startNs) });
  }
  return [...found.values()].map(({ namespace, link, us, headers }) => ({ namespace, link, us, headers }));
}

export function linkName(
  world: WorldFacts,
  { namespace, ifindex }: Pick<Observation, "namespace" | "ifindex">,
): string {
  const facts = world.namespaces.get(namespace);
  return (facts && findLinkByIndex(facts, ifindex)?.name) ?? `link ${ifindex}`;
}

function seenOf(
  { timeNs, layers }: Decoded,
  startNs: bigint,
): { us: number; headers: string; layers: readonly Layer[] } {
  return { us: Number(timeNs - startNs) / 1000, headers: describeLayers(layers), layers };
}

function byTime(a: Decoded, b: Decoded): number {
  return Number(a.timeNs - b.timeNs);
}
