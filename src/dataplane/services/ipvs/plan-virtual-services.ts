/** What makes the kernel's virtual services as they should be, from how they are. Nothing that is right is touched. */
import { type IpvsOperation, ipvsServiceText } from "#kernel/genetlink/ipvs.ts";
import type { IpvsDestination, IpvsService, IpvsServiceKey } from "#kernel/genetlink/ipvs-messages.ts";

export interface VirtualService {
  readonly service: IpvsService;
  readonly destinations: readonly IpvsDestination[];
}

/** By `ipvsServiceText`. */
export type VirtualServices = ReadonlyMap<string, VirtualService>;

/**
 * New ones first, so that a client never finds a destination gone before its successor is there. A destination that goes
 * keeps its TCP connections: with weight 0 it gets no others, and it is deleted by the first plan that finds none.
 */
export function planVirtualServices(present: VirtualServices, wanted: VirtualServices): readonly IpvsOperation[] {
  const made: IpvsOperation[] = [];
  const removed: IpvsOperation[] = [];
  for (const [text, { service, destinations }] of wanted) {
    const before = present.get(text);
    if (before === undefined) made.push({ do: "new service", service });
    else if (!isSameService(before.service, service)) made.push({ do: "set service", service });
    const old = new Map(before?.destinations.map((destination) => [destinationText(destination), destination]));
    for (const destination of destinations) {
      const at = old.get(destinationText(destination));
      old.delete(destinationText(destination));
      if (at === undefined) made.push({ do: "new destination", service, destination });
      else if (at.weight !== destination.weight) made.push({ do: "set destination", service, destination });
    }
    for (const destination of old.values()) removed.push(...planRemoval(service, destination));
  }
  for (const [text, { service }] of present) {
    if (!wanted.has(text)) removed.push({ do: "delete service", service });
  }
  return [...made, ...removed];
}

function planRemoval(service: IpvsServiceKey, destination: IpvsDestination): readonly IpvsOperation[] {
  if (service.protocol !== "TCP" || (destination.connections ?? 0) === 0)
    return [{ do: "delete destination", service, destination }];
  if (destination.weight === 0) return [];
  return [{ do: "set destination", service, destination: { ...destination, weight: 0 } }];
}

function isSameService(a: IpvsService, b: IpvsService): boolean {
  return a.scheduler === b.scheduler && a.persistenceSeconds === b.persistenceSeconds;
}

function destinationText({ address, port }: IpvsDestination): string {
  return `${address} ${port}`;
}

export function virtualServicesOf(services: Iterable<VirtualService>): VirtualServices {
  return new Map([...services].map((each) => [ipvsServiceText(each.service), each]));
}
