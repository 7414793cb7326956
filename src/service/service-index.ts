/**
 * All Services of a cluster with their EndpointSlices, compiled for one node; what an event touches is compiled again,
 * one Service at a time. Holds the objects that it is given, and no copies.
 */
import type { EndpointSlice } from "#api/kinds/endpoint-slice.ts";
import type { Service } from "#api/kinds/service/service.ts";
import type { ServiceNode } from "./choose-endpoints.ts";
import { type CompiledService, compileService, type HealthCheck, NOTHING } from "./compile-service.ts";
import { isSameBackends, isSameServicePort } from "./same-service-port.ts";
import type { Backend, ServicePort, ServicePorts } from "./service-port.ts";

/** Label of an EndpointSlice: the Service that it is part of. */
export const SERVICE_NAME_LABEL = "kubernetes.io/service-name";

/** What became of one id; both sides undefined only when its flows alone changed. */
export interface PortChange {
  readonly before: ServicePort | undefined;
  readonly after: ServicePort | undefined;
  /** See CompiledService.flowBackends; undefined for TCP. */
  readonly flowsBefore: readonly Backend[] | undefined;
  readonly flowsAfter: readonly Backend[] | undefined;
}

export type PortChanges = ReadonlyMap<string, PortChange>;

export interface ServiceIndex {
  /** Compiles everything again at the next look when the node is another one. */
  setNode(node: ServiceNode): void;
  setService(service: Service): void;
  deleteService(service: Service): void;
  setSlice(slice: EndpointSlice): void;
  deleteSlice(slice: EndpointSlice): void;
  /** `namespace/name` of Services that have to be compiled. */
  readonly dirty: ReadonlySet<string>;
  /** Compiles these of the dirty ones. Answers what differs from before. */
  compile(keys: Iterable<string>): PortChanges;
  /** Everything as compiled last. */
  readonly ports: ServicePorts;
  flowBackends(id: string): readonly Backend[] | undefined;
  healthChecks(): readonly HealthCheck[];
  /** `namespace/name: reason` */
  skipped(): readonly string[];
  readonly services: number;
}

interface Entry {
  service: Service | undefined;
  readonly slices: Map<string, EndpointSlice>;
  compiled: CompiledService;
}

export function createServiceIndex(firstNode: ServiceNode): ServiceIndex {
  let node = firstNode;
  const entries = new Map<string, Entry>();
  const ports = new Map<string, ServicePort>();
  const dirty = new Set<string>();
  /** Services that have something to tell besides their ports: they are few. */
  const special = new Set<string>();
  const owners = new Map<string, string>();
  let services = 0;

  function entryOf(key: string): Entry {
    const known = entries.get(key);
    if (known !== undefined) return known;
    const entry: Entry = { service: undefined, slices: new Map(), compiled: NOTHING };
    entries.set(key, entry);
    return entry;
  }

  function setService(key: string, service: Service | undefined): void {
    const entry = entryOf(key);
    services += Number(service !== undefined) - Number(entry.service !== undefined);
    entry.service = service;
    dirty.add(key);
  }

  function dropSlice(sliceKey: string): void {
    const key = owners.get(sliceKey);
    if (key === undefined) return;
    owners.delete(sliceKey);
    entries.get(key)?.slices.delete(sliceKey);
    dirty.add(key);
  }

  function compileOne(key: string, changes: Map<string, PortChange>): void {
    const entry = entries.get(key);
    if (entry === undefined) return;
    const { service, slices, compiled: before } = entry;
    const after = service === undefined ? NOTHING : compileService(service, [...slices.values()], node);
    noteChanges(before, after, changes);
    const kept = after.ports.map((port) => ports.get(port.id) ?? port);
    entry.compiled = { ...after, ports: kept };
    if (after.healthCheck !== undefined || after.skipped.length > 0) special.add(key);
    else special.delete(key);
    if (service === undefined && slices.size === 0) entries.delete(key);
  }

  function noteChanges(before: CompiledService, after: CompiledService, changes: Map<string, PortChange>): void {
    const remaining = new Set(before.ports.map(({ id }) => id));
    for (const port of after.ports) {
      remaining.delete(port.id);
      const old = ports.get(port.id);
      const flowsBefore = before.flowBackends.get(port.id);
      const flowsAfter = after.flowBackends.get(port.id);
      const isSame = old !== undefined && isSameServicePort(old, port);
      if (isSame && isSameList(flowsBefore, flowsAfter)) continue;
      if (!isSame) ports.set(port.id, port);
      changes.set(port.id, { before: old, after: isSame ? old : port, flowsBefore, flowsAfter });
    }
    for (const id of remaining) {
      changes.set(id, {
        before: ports.get(id),
        after: undefined,
        flowsBefore: before.flowBackends.get(id),
        flowsAfter: undefined,
      });
      ports.delete(id);
    }
  }

  return {
    setNode(next) {
      if (next.name === node.name && next.zone === node.zone) return;
      node = next;
      for (const key of entries.keys()) dirty.add(key);
    },
    setService: (service) => setService(keyOf(service), service),
    deleteService: (service) => setService(keyOf(service), undefined),
    setSlice(slice) {
      const sliceKey = keyOf(slice);
      const name = slice.metadata.labels?.[SERVICE_NAME_LABEL] ?? "";
      const key = `${slice.metadata.namespace}/${name}`;
      if (owners.get(sliceKey) !== key) dropSlice(sliceKey);
      if (name === "") return;
      owners.set(sliceKey, key);
      entryOf(key).slices.set(sliceKey, slice);
      dirty.add(key);
    },
    deleteSlice: (slice) => dropSlice(keyOf(slice)),
    dirty,
    compile(keys) {
      const changes = new Map<string, PortChange>();
      for (const key of [...keys]) if (dirty.delete(key)) compileOne(key, changes);
      return changes;
    },
    ports,
    flowBackends(id) {
      // An id starts with the name of its Service, and neither has a colon.
      return entries.get(id.slice(0, id.indexOf(":")))?.compiled.flowBackends.get(id);
    },
    healthChecks: () => [...special].flatMap((key) => entries.get(key)?.compiled.healthCheck ?? []),
    skipped: () =>
      [...special].flatMap((key) => (entries.get(key)?.compiled.skipped ?? []).map((reason) => `${key}: ${reason}`)),
    get services() {
      return services;
    },
  };
}

function keyOf({ metadata }: Service | EndpointSlice): string {
  return `${metadata.namespace}/${metadata.name}`;
}

function isSameList(one: readonly Backend[] | undefined, other: readonly Backend[] | undefined): boolean {
  return one === undefined || other === undefined ? one === other : isSameBackends(one, other);
}
