/**
 * Follows one packet through a cluster: predicts its way from the kernels' state, opens captures in every namespace that
 * it may come to, sends it once they are proven to hear, and puts side by side what was predicted and seen.
 */
import { randomInt } from "node:crypto";
import { familyOf } from "#base/ip-address.ts";
import { sendSegment } from "#kernel/capture/raw-socket.ts";
import { KernelError } from "#kernel/kernel-error.ts";
import { type ClusterAccess, namespacesOf, type RecordedDrop } from "./cluster-access.ts";
import { watchConnection } from "./connection-facts.ts";
import { observeWorld } from "./facts/observe-world.ts";
import { ownersOf, type WorldFacts } from "./facts/world-facts.ts";
import { encodeSegment, ipProtocolOf } from "./packet/encode-segment.ts";
import { diagnosePacket } from "./path/diagnose-packet.ts";
import { describePacket, ipHeaderBytes, type Packet, type PacketProtocol } from "./path/packet.ts";
import type { Path } from "./path/path.ts";
import { sourceFor } from "./path/route-for.ts";
import type { PcapngFile } from "./pcapng/write-pcapng.ts";
import { commonAddresses, EndpointError, resolveEndpoint } from "./resolve-endpoint.ts";
import { choosePath, predictPaths, serviceTranslation } from "./service-paths.ts";
import { type Decoded, decodeObservation, joinHops, linkName, listAnswers, type TraceReport } from "./trace-report.ts";
import { randomMarker, watchNamespaces } from "./watch-namespaces.ts";

export interface TraceOptions {
  readonly from: string;
  readonly to: string;
  readonly protocol: PacketProtocol;
  /** Default: 80 for TCP, 33434 for UDP, as traceroute has it. */
  readonly port?: number | undefined;
  /** The whole IP packet; default: small. */
  readonly bytes?: number | undefined;
  /** For the packet to be seen at its destination. */
  readonly arrivalTimeoutMs?: number | undefined;
  readonly signal: AbortSignal;
}

export interface TraceResult {
  readonly report: TraceReport;
  readonly capture: PcapngFile;
}

const ARRIVAL_TIMEOUT_MS = 1500;
const DEFAULT_PORTS = { tcp: 80, udp: 33434, icmp: 0 } as const;
const TRANSPORT_BYTES = { tcp: 20, udp: 8, icmp: 8 } as const;
const MARKER_BYTES = 16;

export async function runTrace(access: ClusterAccess, options: TraceOptions): Promise<TraceResult> {
  const world = observeWorld(namespacesOf(access), access.nodes);
  const { from, packet } = planPacket(access, world, options);
  const paths = predictPaths(world, from, packet);
  const translation = serviceTranslation(paths[0]);
  using connection = translation && watchConnection(namespacesOf(access), translation);
  const marker = randomMarker();
  const observed: Decoded[] = [];
  const arrival = Promise.withResolvers<void>();
  using watch = watchNamespaces(chooseNamespaces(access, world, { from, packet, paths }), {
    world,
    marker,
    onPacket(observation) {
      const decoded = decodeObservation(world, observation);
      observed.push(decoded);
      if (paths.some((path) => isArrival(world, path, packet, decoded))) arrival.resolve();
    },
  });
  const sender = watch.netns.get(from);
  if (sender === undefined) throw new EndpointError(`Cannot send from "${from}": its namespace could not be read`, []);
  let refused: string | undefined;
  const sentMicros = Date.now() * 1000;
  try {
    sendSegment(sender, segmentOf(packet, marker));
    await withinDeadline(arrival.promise, options);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    refused = error.message;
  }
  watch.drain(); // what other sockets heard before the destination did
  const { path, translations } = choosePath(
    paths,
    connection?.found(),
    (one) => joinHops(world, one, observed).filter(({ seen, predicted }) => seen && predicted).length,
  );
  const arrived = observed.some((one) => isArrival(world, path, packet, one));
  const hops = joinHops(world, path, observed);
  const last = hops.findLast(({ seen }) => seen !== undefined);
  const report: TraceReport = {
    from: options.from,
    to: options.to,
    packet: `${describePacket(packet)}, ${packet.bytes} bytes`,
    marker: marker.toString(16),
    hops,
    answers: listAnswers(world, observed),
    arrived,
    refused,
    ...(arrived
      ? {}
      : {
          lastSeen: last && `${last.namespace} ${last.link} ${last.direction}`,
          diagnosis: diagnosePacket(observeWorld(namespacesOf(access), access.nodes), from, packet),
          drop: await findDrop(access, path, { sinceMicros: sentMicros, signal: options.signal }),
        }),
    translations,
    unproven: [...watch.unproven].map(([name, reason]) => `${name}: ${reason}`),
  };
  return { report, capture: captureOf(world, path, observed) };
}

interface Plan {
  /** Namespace that sends. */
  readonly from: string;
  readonly packet: Packet;
}

function planPacket(access: ClusterAccess, world: WorldFacts, { from, to, protocol, port, bytes }: TraceOptions): Plan {
  const source = resolveEndpoint(access, from);
  const destination = resolveEndpoint(access, to);
  if (source.namespace === undefined)
    throw new EndpointError(`Cannot send from ${from}: no pod and no node has this address`, []);
  const addresses = commonAddresses(source, destination);
  if (addresses === undefined) throw new EndpointError(`${from} and ${to} have no address of one family`, []);
  const sender = world.namespaces.get(source.namespace);
  // A node's address depends on where it sends to, unless it was given.
  const isNamed = source.addresses.length !== 1 || source.addresses[0] !== from;
  const own = sender?.role === "node" && isNamed ? sourceFor(sender, addresses.destination) : undefined;
  const least = ipHeaderBytes(familyOf(addresses.destination)) + TRANSPORT_BYTES[protocol] + MARKER_BYTES;
  const packet: Packet = {
    source: own ?? addresses.source,
    destination: addresses.destination,
    protocol,
    sourcePort: randomInt(40_000, 60_000),
    ...(protocol === "icmp" ? {} : { destinationPort: port ?? DEFAULT_PORTS[protocol] }),
    bytes: Math.max(bytes ?? 0, least),
  };
  return { from: source.namespace, packet };
}

function segmentOf(
  { source, destination, protocol, sourcePort = 0, destinationPort = 0, bytes }: Packet,
  marker: number,
) {
  const family = familyOf(destination);
  const payload = Buffer.alloc(bytes - ipHeaderBytes(family) - TRANSPORT_BYTES[protocol]);
  payload.writeUInt32BE(marker);
  payload.write("podwire", 4);
  const segment = encodeSegment({ protocol, source, destination, sourcePort, destinationPort, payload });
  return { source, destination, protocol: ipProtocolOf(protocol, family), bytes: segment };
}

/** All that the packet may come to: its predicted way, its destination, and every place that is no pod. */
function chooseNamespaces(
  access: ClusterAccess,
  world: WorldFacts,
  { from, packet, paths }: Plan & { readonly paths: readonly Path[] },
) {
  const owners = ownersOf(world, packet.destination).map(({ namespace }) => namespace.name);
  const wanted = new Set([from, ...owners, ...paths.flatMap(({ hops }) => hops.map(({ namespace }) => namespace))]);
  return namespacesOf(access).filter(({ name, role }) => role !== "pod" || wanted.has(name));
}

/** Seen by who has the destination address, out of all tunnels; on the predicted link, if there is one. */
function isArrival(world: WorldFacts, { reached }: Path, { destination }: Packet, one: Decoded): boolean {
  if (one.direction !== "in" || one.isAnswer || one.layers.filter(({ kind }) => kind === "ip").length !== 1)
    return false;
  if (reached !== undefined) return one.namespace === reached.namespace && linkName(world, one) === reached.link;
  return ownersOf(world, destination).some(({ namespace }) => namespace.name === one.namespace);
}

/** A packet that was translated on its way is recorded with one of the addresses that it had. */
async function findDrop(
  { drops }: ClusterAccess,
  { hops }: Path,
  { sinceMicros, signal }: { readonly sinceMicros: number; readonly signal: AbortSignal },
): Promise<RecordedDrop | undefined> {
  const packets = hops.map(({ frame }) => frame.packet);
  return (await drops?.(sinceMicros, signal))?.find((drop) =>
    packets.some(
      ({ source, destination, sourcePort, destinationPort }) =>
        drop.source === source &&
        drop.destination === destination &&
        (drop.sourcePort === undefined || drop.sourcePort === sourcePort) &&
        drop.destinationPort === destinationPort,
    ),
  );
}

async function withinDeadline(
  arrival: Promise<void>,
  { arrivalTimeoutMs = ARRIVAL_TIMEOUT_MS, signal }: TraceOptions,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, arrivalTimeoutMs);
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await Promise.race([arrival, promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}

function captureOf(world: WorldFacts, path: Path, observed: readonly Decoded[]): PcapngFile {
  const keys = [
    ...new Set([
      ...path.hops.map(({ namespace, ifindex }) => `${namespace}|${ifindex}`),
      ...observed.map(({ namespace, ifindex }) => `${namespace}|${ifindex}`),
    ]),
  ];
  const interfaces = keys.map((key) => {
    const [namespace = "", ifindex = ""] = key.split("|");
    const place = { namespace, ifindex: Number(ifindex) };
    const link = linkName(world, place);
    const hasEthernet =
      observed.find((one) => one.namespace === namespace && one.ifindex === place.ifindex)?.hasEthernet ?? true;
    return { name: `${namespace} ${link}`, description: `link ${link} in network namespace ${namespace}`, hasEthernet };
  });
  const packets = observed
    .toSorted((a, b) => Number(a.timeNs - b.timeNs))
    .map((one) => {
      const hop = path.hops.findIndex(
        ({ namespace, ifindex, direction }) =>
          namespace === one.namespace && ifindex === one.ifindex && direction === one.direction,
      );
      const comment = one.isAnswer
        ? "answer"
        : hop < 0
          ? "not predicted"
          : `hop ${hop + 1}: ${path.hops[hop]?.why ?? ""}`;
      return {
        interface: keys.indexOf(`${one.namespace}|${one.ifindex}`),
        timeNs: one.timeNs,
        direction: one.direction,
        data: one.data,
        comment,
      };
    });
  return { interfaces, packets };
}
