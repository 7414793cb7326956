/** Why a probe failed: an address at two places, or what stops its packet or the answer. Pure. */
import type { IpAddress } from "#base/ip-address.ts";
import { ownersOf, type WorldFacts } from "#trace/facts/world-facts.ts";
import { type Diagnosis, diagnosePacket } from "#trace/path/diagnose-packet.ts";
import type { Packet } from "#trace/path/packet.ts";
import { sourceFor } from "#trace/path/route-for.ts";
import type { Failure } from "./probe-result.ts";

/** Bytes of a small probe: a datagram of the least size, or a TCP segment with options. */
const SMALL_PACKET_BYTES = 84;

export function diagnose(world: WorldFacts, failure: Failure): Diagnosis {
  const { from, to, protocol, bytes } = failure.result.probe;
  const sender = world.namespaces.get(from.namespace);
  const source = sender?.role === "node" ? (sourceFor(sender, to.address) ?? from.address) : from.address;
  const packet: Packet = { source, destination: to.address, protocol, bytes: bytes ?? SMALL_PACKET_BYTES };
  const places = [
    { address: source, namespace: from.namespace },
    { address: to.address, namespace: to.namespace },
  ];
  const duplicate = findDuplicate(world, places);
  if (duplicate !== undefined) return { ...duplicate, way: "question" };
  const { kind, result } = failure;
  const trouble = { isTranslated: kind === "translated", refusal: result.refused?.message };
  return diagnosePacket(world, from.namespace, packet, trouble);
}

interface Place {
  readonly address: IpAddress;
  /** Whose it is. */
  readonly namespace: string;
}

function findDuplicate(world: WorldFacts, places: readonly Place[]): Omit<Diagnosis, "way"> | undefined {
  for (const { address, namespace: target } of places) {
    const owners = ownersOf(world, address);
    const names = [...new Set(owners.map(({ namespace }) => namespace.name))];
    if (names.length < 2) continue;
    const evidence = owners.map(
      ({ namespace, link }) => `${namespace.name}: ${address} dev ${link.name} lladdr ${link.mac}`,
    );
    const wrong = owners.find(({ namespace }) => namespace.name !== target);
    const hop = wrong === undefined ? target : `${wrong.namespace.name} ${wrong.link.name}`;
    const message = `${address} is at ${names.length} places: ${names.join(", ")}`;
    return { cause: "duplicate address", hop, message, evidence };
  }
  return undefined;
}
