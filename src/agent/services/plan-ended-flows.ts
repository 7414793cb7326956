/**
 * Which UDP and SCTP flows have lost their backend by a change of Services. Their clients send on from the same port, so
 * that the connection tracking entry, and with it the old backend, would live as long as they send. Pure.
 */
import type { IpAddress } from "#base/ip-address.ts";
import type { EndedFlows } from "#dataplane/services/contract.ts";
import type { PortChange, PortChanges } from "#service/service-index.ts";
import type { Backend, Frontend, ServicePort } from "#service/service-port.ts";

export function planEndedFlows(changes: PortChanges): readonly EndedFlows[] {
  return [...changes.values()].flatMap(endedFlows);
}

function endedFlows({ before, after, flowsBefore = [], flowsAfter = [] }: PortChange): readonly EndedFlows[] {
  const port = after ?? before;
  if (port === undefined || port.protocol === "TCP") return [];
  const { family, protocol } = port;
  const kept = new Set((after?.frontends ?? []).map(keyOf));
  const known = new Set((before?.frontends ?? []).map(keyOf));
  const frontends = [
    ...(before?.frontends ?? []),
    ...(after?.frontends ?? []).filter((each) => !known.has(keyOf(each))),
  ];
  return frontends.flatMap((frontend) => {
    const where = { family, protocol, frontend: frontend.address, frontendPort: frontend.port } as const;
    const still = new Set(kept.has(keyOf(frontend)) ? flowsAfter.map(backendKey) : []);
    // Until now packets to it went nowhere, or somewhere else.
    const isNew = still.size > 0 && (!known.has(keyOf(frontend)) || flowsBefore.length === 0);
    // Node ports are found by their backends alone: another program may use the number at an address of its own.
    if (isNew) return frontend.address === undefined ? [] : [where];
    const gone = flowsBefore.filter((backend) => !still.has(backendKey(backend)));
    return [...new Set(gone.map(({ address }) => address))]
      .filter((address) => !flowsStillAt(address, flowsAfter, still.size > 0))
      .map((backend) => ({ ...where, backend }));
  });
}

/** With another port: an entry does not tell which of the two it means, and a live flow is worth more than a dead one. */
function flowsStillAt(address: string, flowsAfter: readonly Backend[], isServed: boolean): boolean {
  return isServed && flowsAfter.some((backend) => backend.address === address);
}

function keyOf({ address, port }: Frontend): string {
  return `${address ?? ""} ${port}`;
}

function backendKey({ address, port }: Backend): string {
  return `${address} ${port}`;
}

/** Frontends and backends of a ServicePort for which flows are kept. */
export interface FlowOwner {
  readonly port: ServicePort;
  readonly backends: readonly Backend[];
}

export interface ObservedFlow {
  readonly original: FlowTuple;
  readonly reply: FlowTuple;
  readonly status: readonly (string | number)[];
}

interface FlowTuple {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly protocol: string | number;
  readonly sourcePort?: number | undefined;
  readonly destinationPort?: number | undefined;
}

/** Flows to a frontend that lead to none of its backends: what was missed while nobody looked. */
export function findStaleFlows<F extends ObservedFlow>(flows: readonly F[], owners: Iterable<FlowOwner>): readonly F[] {
  const backendsOf = new Map<string, ReadonlySet<string>>();
  for (const { port, backends } of owners) {
    if (backends.length === 0) continue; // refused by rules
    const keys = new Set(backends.map(backendKey));
    for (const frontend of port.frontends) {
      const family = frontend.address === undefined ? port.family : "";
      backendsOf.set(`${family} ${frontend.address ?? ""} ${frontend.port}/${port.protocol.toLowerCase()}`, keys);
    }
  }
  return flows.filter(({ original, reply, status }) => {
    const { destination, destinationPort, protocol } = original;
    const family = destination.includes(":") ? 6 : 4;
    const atAddress = backendsOf.get(` ${destination} ${destinationPort}/${protocol}`);
    const atNodePort = status.includes("dst-nat")
      ? backendsOf.get(`${family}  ${destinationPort}/${protocol}`)
      : undefined;
    const backends = atAddress ?? atNodePort;
    return backends !== undefined && !backends.has(`${reply.source} ${reply.sourcePort}`);
  });
}
