/** What the checks of labs look at beyond links: connections, sockets, translations, and whether one can be opened now. */
import { readFileSync } from "node:fs";
import { isApiError } from "#api/api-error.ts";
import { type Service, service as serviceKind } from "#api/kinds/service/service.ts";
import { type IpAddress, parseAddress } from "#base/ip-address.ts";
import { askService } from "#check/services/ask-service.ts";
import { inNetns, openNetns } from "#kernel/netns/netns.ts";
import { createConntrackSocket, listConntrack } from "#kernel/nfnetlink/conntrack.ts";
import type { ConntrackEntry } from "#kernel/nfnetlink/conntrack-message.ts";
import { isReady, podsWith } from "./facts.ts";
import type { LabWorld } from "./lab.ts";

/** Long for a pod of the same cluster, and short for a person who waits. */
const CONNECT_MS = 700;

export interface Destination {
  readonly address: IpAddress;
  readonly port: number;
}

/** Whether a TCP connection from inside that namespace is accepted. */
export async function canConnect(path: string, { address, port }: Destination): Promise<boolean> {
  using netns = openNetns(path);
  const { outcome } = await askService({ netns, protocol: "tcp", address, port, timeoutMs: CONNECT_MS });
  return outcome === "connected";
}

/** TCP connections that a namespace tracks towards this address and port, as their clients sent them. */
export function trackedConnections(path: string, { address, port }: Destination): readonly ConntrackEntry[] {
  using netns = openNetns(path);
  using socket = createConntrackSocket(netns);
  return listConntrack(socket, { original: { protocol: "tcp", destination: address, destinationPort: port } });
}

export interface TcpSocketState {
  readonly localPort: number;
  readonly destination: Destination;
  /** Bytes that were sent and not acknowledged. */
  readonly unacknowledged: number;
  /** How often the oldest of them was sent again in vain. */
  readonly retransmits: number;
}

const ESTABLISHED = "01";

/** Established IPv4 connections of a namespace. Source: Documentation/networking/proc_net_tcp.rst. */
export function establishedSockets(path: string): readonly TcpSocketState[] {
  using netns = openNetns(path);
  const text = inNetns(netns, () => readFileSync("/proc/thread-self/net/tcp", "utf8"));
  return text.split("\n").flatMap((line) => {
    const [, local = "", remote = "", state, queues = "", , retransmits = ""] = line.trim().split(/\s+/);
    if (state !== ESTABLISHED) return [];
    return [
      {
        localPort: parseEnd(local).port,
        destination: parseEnd(remote),
        unacknowledged: Number.parseInt(queues, 16),
        retransmits: Number.parseInt(retransmits, 16),
      },
    ];
  });
}

/** `0A01A8C0:0050`: the address as the machine has it in memory, the port as a number. */
function parseEnd(text: string): Destination {
  const [address = "", port = ""] = text.split(":");
  const bytes = Buffer.from(address, "hex").reverse(); // x86_64 and arm64 are little-endian
  return { address: parseAddress([...bytes].join(".")), port: Number.parseInt(port, 16) };
}

/** Of the namespace default; undefined: there is none. */
export async function findService(world: LabWorld, name: string, signal: AbortSignal): Promise<Service | undefined> {
  try {
    return await world.client.get(serviceKind, { namespace: "default", name }, signal);
  } catch (error) {
    if (isApiError(error) && error.reason === "NotFound") return undefined;
    throw error;
  }
}

export interface PodPlace {
  readonly address: IpAddress;
  readonly netnsPath: string;
  /** Of its node. */
  readonly nodeNetnsPath: string;
  readonly nodeName: string;
}

/** A ready pod with the label run=NAME, and where it is. */
export async function placeOf(world: LabWorld, name: string, signal: AbortSignal): Promise<PodPlace | undefined> {
  const [pod] = (await podsWith(world, `run=${name}`, signal)).filter(isReady);
  const { podIP } = pod?.object.status ?? {};
  const netnsPath = pod?.place?.netnsPath;
  const nodeNetnsPath = pod?.node?.netnsPath;
  if (podIP === undefined || netnsPath === undefined || nodeNetnsPath === undefined) return undefined;
  return { address: parseAddress(podIP), netnsPath, nodeNetnsPath, nodeName: pod?.node?.name ?? "" };
}
