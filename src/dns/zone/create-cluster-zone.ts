/**
 * The cluster's names, kept per Service and answered by the structure of the name that is asked for, so that a change
 * touches one Service's records and nothing is ever built for all of them.
 * Source: Kubernetes DNS-Based Service Discovery 1.1.0; negative answers by RFC 2308 and RFC 8020.
 */
import type { EndpointSlice } from "#api/kinds/endpoint-slice.ts";
import type { Service } from "#api/kinds/service/service.ts";
import type { IpAddress } from "#base/ip-address.ts";
import { followAlias } from "./follow-alias.ts";
import { addressOfDashed, addressOfReverse, findAddress, reverseZoneOf } from "./reverse-name.ts";
import {
  clusterIpsOf,
  createServiceRecords,
  endpointsOf,
  forgetDerived,
  kindOf,
  ofFamily,
  type ServiceRecords,
  sliceAddresses,
  targetsOf,
} from "./service-records.ts";
import type { Validity, ZoneAnswer, ZoneRecord } from "./zone-record.ts";

/** Types that the zone has records of. */
export type ZoneType = ZoneRecord["type"];

export interface ClusterZone {
  setService(service: Service): void;
  deleteService(service: Service): void;
  setSlice(slice: EndpointSlice): void;
  deleteSlice(slice: EndpointSlice): void;
  setNamespace(name: string): void;
  deleteNamespace(name: string): void;
  /** Where the zone itself is served; in the answers for its name server. */
  setServerAddresses(addresses: readonly IpAddress[]): void;
  /** `labels` in lower case; `type` undefined for types that the zone knows nothing of. Undefined: another's name. */
  lookUp(labels: readonly string[], type: ZoneType | undefined): ZoneAnswer | undefined;
  readonly domain: string;
  readonly size: { readonly services: number; readonly slices: number };
}

export const SERVICE_NAME_LABEL = "kubernetes.io/service-name";
const SCHEMA_VERSION = "1.1.0";
/** Seconds; also of negative answers: a name that comes is found soon. */
export const ZONE_TTL = 5;
const SOA_TIMES = { refresh: 7200, retry: 1800, expire: 86_400, minimum: ZONE_TTL } as const;

interface Found {
  readonly answers: readonly ZoneRecord[];
  readonly additional?: readonly ZoneRecord[];
  readonly validity?: Validity | undefined;
}

export interface ClusterZoneOptions {
  /** "cluster.local" */
  readonly domain: string;
  /** Seconds since 1970, for the zone's serial number. */
  readonly startedAt: number;
}

export function createClusterZone({ domain, startedAt }: ClusterZoneOptions): ClusterZone {
  const domainLabels = domain.split(".");
  const services = new Map<string, ServiceRecords>();
  const sliceOwners = new Map<string, ServiceRecords>();
  const namespaces = new Set<string>();
  /** How many services a namespace has; its object may come later. */
  const populated = new Map<string, number>();
  const byClusterIp = new Map<IpAddress, ServiceRecords>();
  const byEndpoint = new Map<IpAddress, Map<ServiceRecords, number>>();
  let serverAddresses: readonly IpAddress[] = [];
  let serial = startedAt;
  /** Of answers about names that are not there. */
  let absence: Validity = { valid: true };

  const nameServer = `ns.dns.${domain}`;
  const soaOf = (name: string): ZoneRecord => ({
    name,
    type: "SOA",
    data: { mname: nameServer, rname: `hostmaster.${domain}`, serial, ...SOA_TIMES },
  });

  function namesChanged(): void {
    serial++;
    absence.valid = false;
    absence = { valid: true };
  }

  function recordsOf(namespace = "", name = ""): ServiceRecords {
    const key = `${namespace}/${name}`;
    const found = services.get(key) ?? createServiceRecords(namespace, name);
    services.set(key, found);
    return found;
  }

  function removeIfEmpty(records: ServiceRecords): void {
    if (records.service === undefined && records.slices.size === 0)
      services.delete(`${records.namespace}/${records.name}`);
  }

  /** Endpoints of headless services alone have names. */
  function countEndpoints(records: ServiceRecords, slice: EndpointSlice, step: 1 | -1): void {
    for (const address of sliceAddresses(slice)) {
      const owners = byEndpoint.get(address) ?? new Map<ServiceRecords, number>();
      const count = (owners.get(records) ?? 0) + step;
      if (count > 0) owners.set(records, count);
      else owners.delete(records);
      if (owners.size > 0) byEndpoint.set(address, owners);
      else byEndpoint.delete(address);
    }
  }

  function replaceService(records: ServiceRecords, next: Service | undefined): void {
    const { service: old } = records;
    const wasHeadless = kindOf(records) === "headless";
    for (const address of old ? clusterIpsOf(old) : []) {
      if (byClusterIp.get(address) === records) byClusterIp.delete(address);
    }
    records.service = next;
    for (const address of next ? clusterIpsOf(next) : []) byClusterIp.set(address, records);
    const isHeadless = kindOf(records) === "headless";
    if (wasHeadless !== isHeadless) {
      for (const slice of records.slices.values()) countEndpoints(records, slice, isHeadless ? 1 : -1);
    }
    forgetDerived(records);
    if ((old === undefined) === (next === undefined)) return;
    const count = (populated.get(records.namespace) ?? 0) + (next === undefined ? -1 : 1);
    if (count > 0) populated.set(records.namespace, count);
    else populated.delete(records.namespace);
    namesChanged();
  }

  function replaceSlice(records: ServiceRecords, name: string, next: EndpointSlice | undefined): void {
    const old = records.slices.get(name);
    const isHeadless = kindOf(records) === "headless";
    if (old !== undefined && isHeadless) countEndpoints(records, old, -1);
    if (next === undefined) records.slices.delete(name);
    else {
      records.slices.set(name, next);
      if (isHeadless) countEndpoints(records, next, 1);
    }
    // What others say is not in their names.
    if (isHeadless) forgetDerived(records);
  }

  function dropSlice(key: string): void {
    const records = sliceOwners.get(key);
    if (records === undefined) return;
    sliceOwners.delete(key);
    replaceSlice(records, key, undefined);
    removeIfEmpty(records);
  }

  const hasNamespace = (name: string): boolean => namespaces.has(name) || populated.has(name);
  const addressRecords = (
    name: string,
    addresses: readonly IpAddress[],
    types: readonly ("A" | "AAAA")[] = ["A", "AAAA"],
  ): readonly ZoneRecord[] =>
    types.flatMap((type) => ofFamily(addresses, type).map((data): ZoneRecord => ({ name, type, data })));

  /** `labels` before the domain, the nearest to it first. All records of the name, of any type. */
  function find(labels: readonly string[], name: string): Found | undefined {
    const [branch, second, third] = labels;
    const noRecords: Found = { answers: [], validity: absence };
    switch (branch) {
      case undefined:
        return { answers: [soaOf(domain), { name: domain, type: "NS", data: nameServer }] };
      case "dns-version":
        return labels.length === 1 ? { answers: [{ name, type: "TXT", data: SCHEMA_VERSION }] } : undefined;
      case "dns":
        if (labels.length === 1) return noRecords;
        return second === "ns" && labels.length === 2 ? { answers: addressRecords(name, serverAddresses) } : undefined;
      case "svc":
        if (second === undefined) return noRecords;
        if (third === undefined) return hasNamespace(second) ? noRecords : undefined;
        return findOfService(services.get(`${second}/${third}`), labels.slice(3), name);
      case "pod": {
        if (second === undefined) return noRecords;
        if (!hasNamespace(second)) return undefined;
        if (third === undefined) return noRecords;
        const address = labels.length === 3 ? addressOfDashed(third) : undefined;
        return address && { answers: addressRecords(name, [address]) };
      }
      default:
        return undefined;
    }
  }

  /** `rest`: labels before the service's name, the nearest to it first. */
  function findOfService(
    records: ServiceRecords | undefined,
    rest: readonly string[],
    name: string,
  ): Found | undefined {
    const { service, validity } = records ?? {};
    if (records === undefined || service === undefined) return undefined;
    const [first, second] = rest;
    const kind = kindOf(records);
    if (first === undefined) {
      if (kind === "externalName") {
        const target = (service.spec.externalName ?? "").toLowerCase().replace(/\.$/, "");
        return { answers: [{ name, type: "CNAME", data: target }], validity };
      }
      const addresses = kind === "headless" ? [...endpointsOf(records).hostsByAddress.keys()] : clusterIpsOf(service);
      return { answers: addressRecords(name, addresses), validity };
    }
    if (first.startsWith("_")) {
      const targets = targetsOf(records);
      if (second === undefined) {
        const exists = [...targets.keys()].some((key) => key.endsWith(`.${first}`));
        return exists ? { answers: [], validity } : undefined;
      }
      const found = rest.length === 2 ? targets.get(`${second}.${first}`) : undefined;
      return found && srvRecords(records, service, { name, targets: found });
    }
    const addresses = rest.length === 1 ? endpointsOf(records).byHost.get(first) : undefined;
    return addresses && { answers: addressRecords(name, addresses), validity };
  }

  function srvRecords(
    records: ServiceRecords,
    service: Service,
    {
      name,
      targets,
    }: { readonly name: string; readonly targets: readonly { host: string | undefined; port: number }[] },
  ): Found {
    const own = `${records.name}.${records.namespace}.svc.${domain}`;
    // Shares of one hundred, so that clients choose evenly among any number of them.
    const weight = Math.max(1, Math.floor(100 / targets.length));
    const answers = targets.map(({ host, port }): ZoneRecord => {
      const target = host === undefined ? own : `${host}.${own}`;
      return { name, type: "SRV", data: { priority: 0, weight, port, target } };
    });
    const hosts = [...new Set(targets.map(({ host }) => host))];
    const additional = hosts.flatMap((host) =>
      host === undefined
        ? addressRecords(own, clusterIpsOf(service))
        : addressRecords(`${host}.${own}`, endpointsOf(records).byHost.get(host) ?? []),
    );
    return { answers, additional, validity: records.validity };
  }

  function lookUpReverse(labels: readonly string[], zone: string, type: ZoneType | undefined): ZoneAnswer | undefined {
    const address = addressOfReverse(labels);
    if (address === undefined) return undefined;
    const service = byClusterIp.get(address);
    const endpoints = [...(byEndpoint.get(address)?.keys() ?? [])];
    const names = [
      ...(service === undefined ? [] : [`${service.name}.${service.namespace}`]),
      ...endpoints.flatMap((records) =>
        (endpointsOf(records).hostsByAddress.get(address) ?? []).map(
          (host) => `${host}.${records.name}.${records.namespace}`,
        ),
      ),
    ];
    if (names.length === 0) return undefined;
    const name = labels.join(".");
    const answers = names.map((each): ZoneRecord => ({ name, type: "PTR", data: `${each}.svc.${domain}` }));
    const wanted = type === "PTR" ? answers : [];
    return { exists: true, answers: wanted, additional: [], soa: wanted.length > 0 ? undefined : soaOf(zone) };
  }

  function lookUp(labels: readonly string[], type: ZoneType | undefined): ZoneAnswer | undefined {
    const reverse = reverseZoneOf(labels);
    if (reverse !== undefined) return lookUpReverse(labels, reverse, type);
    const before = labels.length - domainLabels.length;
    if (before < 0 || domainLabels.some((label, index) => labels[before + index] !== label)) return undefined;
    const name = labels.join(".");
    const found = find(labels.slice(0, before).toReversed(), name);
    if (found === undefined) {
      return { exists: false, answers: [], additional: [], soa: soaOf(domain), validity: absenceOf(labels, before) };
    }
    const { additional = [], validity } = found;
    const answers = found.answers.filter((record) => record.type === type);
    const [alias] = found.answers;
    if (alias?.type === "CNAME" && type !== "CNAME") return followAlias(alias, type, lookUp);
    const soa = answers.length > 0 ? undefined : soaOf(domain);
    return { exists: true, answers, additional: soa === undefined ? additional : [], soa, validity };
  }

  /** Of a name below a service, the service's: endpoints come and go without it. */
  function absenceOf(labels: readonly string[], before: number): Validity {
    const isBelow = labels[before - 1] === "svc" && before > 3;
    const records = isBelow ? services.get(`${labels[before - 2]}/${labels[before - 3]}`) : undefined;
    return records?.service === undefined ? absence : records.validity;
  }

  return {
    domain,
    get size() {
      return { services: services.size, slices: sliceOwners.size };
    },
    setService: (service) => replaceService(recordsOf(service.metadata.namespace, service.metadata.name), service),
    deleteService({ metadata }) {
      const records = services.get(`${metadata.namespace}/${metadata.name}`);
      if (records === undefined) return;
      replaceService(records, undefined);
      removeIfEmpty(records);
    },
    setSlice(slice) {
      const { namespace = "", name = "", labels = {} } = slice.metadata;
      const key = `${namespace}/${name}`;
      const owner = labels[SERVICE_NAME_LABEL];
      if (sliceOwners.get(key)?.name !== owner) dropSlice(key);
      if (owner === undefined || owner === "") return;
      const records = recordsOf(namespace, owner);
      sliceOwners.set(key, records);
      replaceSlice(records, key, slice);
    },
    deleteSlice: ({ metadata }) => dropSlice(`${metadata.namespace}/${metadata.name}`),
    setNamespace(name) {
      if (!namespaces.has(name)) namesChanged();
      namespaces.add(name);
    },
    deleteNamespace(name) {
      if (namespaces.delete(name)) namesChanged();
    },
    setServerAddresses(addresses) {
      serverAddresses = addresses.flatMap((address) => findAddress(address) ?? []);
    },
    lookUp,
  };
}
