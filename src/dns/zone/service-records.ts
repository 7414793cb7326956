/**
 * What one Service and its EndpointSlices say in DNS: derived when it is asked for the first time, and forgotten when one
 * of them changes, so that a change costs what changed.
 * Source: Kubernetes DNS-Based Service Discovery 1.1.0, sections 2.3 to 2.5.
 */
import type { Endpoint, EndpointSlice } from "#api/kinds/endpoint-slice.ts";
import type { Service } from "#api/kinds/service/service.ts";
import { familyOf, type IpAddress } from "#base/ip-address.ts";
import { findAddress } from "./reverse-name.ts";
import type { Validity } from "./zone-record.ts";

export type ServiceKind = "clusterIP" | "headless" | "externalName";

export interface PortTarget {
  /** Label of the host; undefined is the service itself. */
  readonly host: string | undefined;
  readonly port: number;
}

/** Derived. */
interface Endpoints {
  /** Addresses of those that are to be found, by the label of their host. */
  readonly byHost: ReadonlyMap<string, readonly IpAddress[]>;
  readonly hostsByAddress: ReadonlyMap<IpAddress, readonly string[]>;
  /** By `_port._proto`. */
  readonly targets: ReadonlyMap<string, readonly PortTarget[]>;
}

export interface ServiceRecords {
  readonly namespace: string;
  readonly name: string;
  service: Service | undefined;
  readonly slices: Map<string, EndpointSlice>;
  /** Of everything that was derived from it. */
  validity: Validity;
  endpoints: Endpoints | undefined;
}

const NO_ENDPOINTS: Endpoints = { byHost: new Map(), hostsByAddress: new Map(), targets: new Map() };

export function createServiceRecords(namespace: string, name: string): ServiceRecords {
  return { namespace, name, service: undefined, slices: new Map(), validity: { valid: true }, endpoints: undefined };
}

/** To be called when the service or one of its slices changed. */
export function forgetDerived(records: ServiceRecords): void {
  records.validity.valid = false;
  records.validity = { valid: true };
  records.endpoints = undefined;
}

export function kindOf({ service }: Pick<ServiceRecords, "service">): ServiceKind | undefined {
  if (service === undefined) return undefined;
  if (service.spec.type === "ExternalName") return "externalName";
  return service.spec.clusterIP === "None" ? "headless" : "clusterIP";
}

/** Addresses of the service itself. */
export function clusterIpsOf(service: Service): readonly IpAddress[] {
  const { type, clusterIP, clusterIPs = [] } = service.spec;
  if (type === "ExternalName") return [];
  const texts = clusterIPs.length > 0 ? clusterIPs : [clusterIP ?? ""];
  return findAddresses(texts);
}

/** Of a headless service; others have none in DNS. */
export function endpointsOf(records: ServiceRecords): Endpoints {
  records.endpoints ??= deriveEndpoints(records);
  return records.endpoints;
}

/** By `_port._proto`, for either kind. */
export function targetsOf(records: ServiceRecords): ReadonlyMap<string, readonly PortTarget[]> {
  const { service } = records;
  if (service === undefined || kindOf(records) === "externalName") return NO_ENDPOINTS.targets;
  if (kindOf(records) === "headless") return endpointsOf(records).targets;
  return new Map(
    (service.spec.ports ?? []).flatMap(({ name = "", protocol, port }) =>
      name === "" ? [] : [[portKey(name, protocol), [{ host: undefined, port }]] as const],
    ),
  );
}

/** `_http._tcp` */
export function portKey(name: string, protocol = "TCP"): string {
  return `_${name}._${protocol}`.toLowerCase();
}

/** Addresses of all endpoints of a slice, whatever their state. */
export function sliceAddresses({ addressType, endpoints }: EndpointSlice): readonly IpAddress[] {
  return addressType === "FQDN" ? [] : endpoints.flatMap(({ addresses }) => findAddresses(addresses));
}

/** `10-1-2-3`; a label neither starts nor ends with a hyphen. */
export function dashed(address: IpAddress): string {
  return address.replaceAll(/[.:]/g, "-").replace(/^-/, "0-").replace(/-$/, "-0");
}

function deriveEndpoints(records: ServiceRecords): Endpoints {
  if (kindOf(records) !== "headless") return NO_ENDPOINTS;
  const { service, slices } = records;
  const byHost = new Map<string, Set<IpAddress>>();
  const hostsByAddress = new Map<IpAddress, Set<string>>();
  const targets = new Map<string, Map<string, PortTarget>>();
  for (const slice of slices.values()) {
    if (slice.addressType === "FQDN") continue;
    const ports = slice.ports.flatMap(({ name = "", protocol, port }) =>
      name === "" || port === undefined ? [] : [{ key: portKey(name, protocol), port }],
    );
    for (const endpoint of slice.endpoints) {
      if (!isFound(endpoint, service)) continue;
      for (const address of findAddresses(endpoint.addresses)) {
        const host = (endpoint.hostname || dashed(address)).toLowerCase();
        addTo(byHost, host, address);
        addTo(hostsByAddress, address, host);
        for (const { key, port } of ports) {
          const ofPort = targets.get(key) ?? new Map<string, PortTarget>();
          targets.set(key, ofPort.set(`${host}:${port}`, { host, port }));
        }
      }
    }
  }
  return {
    byHost: mapValues(byHost, (addresses) => [...addresses]),
    hostsByAddress: mapValues(hostsByAddress, (hosts) => [...hosts]),
    targets: mapValues(targets, (ofPort) => [...ofPort.values()]),
  };
}

/** The slices' controller counts with publishNotReadyAddresses already; others that write slices may not. */
function isFound({ conditions }: Endpoint, service: Service | undefined): boolean {
  return conditions?.ready !== false || service?.spec.publishNotReadyAddresses === true;
}

/** What is no address cannot be found. */
function findAddresses(texts: readonly string[]): readonly IpAddress[] {
  return texts.flatMap((text) => findAddress(text) ?? []);
}

export function ofFamily(addresses: readonly IpAddress[], type: "A" | "AAAA"): readonly IpAddress[] {
  const family = type === "A" ? 4 : 6;
  return addresses.filter((address) => familyOf(address) === family);
}

function addTo<K, V>(map: Map<K, Set<V>>, key: K, value: V): void {
  const found = map.get(key);
  if (found === undefined) map.set(key, new Set([value]));
  else found.add(value);
}

function mapValues<K, V, W>(map: ReadonlyMap<K, V>, change: (value: V) => W): ReadonlyMap<K, W> {
  return new Map([...map].map(([key, value]) => [key, change(value)]));
}
