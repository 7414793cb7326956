/**
 * What cluster DNS has to answer about each Service, and whether an answer is that. Pure.
 * Source: Kubernetes DNS-Based Service Discovery, specification 1.1.0.
 */
import type { Service } from "#api/kinds/service/service.ts";
import { type ServiceObjects, serviceKey, slicesOf } from "./service-checks.ts";

export interface DnsQuestion {
  /** `namespace/name` */
  readonly service: string;
  readonly name: string;
  readonly type: "A" | "AAAA" | "SRV" | "CNAME";
  /** As texts: addresses, `port target` of SRV, a name. In any order; nothing: there must be no such record. */
  readonly expected: readonly string[];
}

export interface DnsAnswer {
  /** Texts as those of the question, of its type alone. */
  readonly records: readonly string[];
  /** There were more than fit. */
  readonly isTruncated: boolean;
  /** Why there is no answer at all. */
  readonly failure?: string | undefined;
}

export function planDnsQuestions(objects: ServiceObjects, domain: string): readonly DnsQuestion[] {
  return objects.services.flatMap((service) => questionsOf(objects, service, domain));
}

function questionsOf(objects: ServiceObjects, service: Service, domain: string): readonly DnsQuestion[] {
  const { metadata, spec } = service;
  const name = `${metadata.name}.${metadata.namespace}.svc.${domain}`;
  const base = { service: serviceKey(service), name };
  if (spec.type === "ExternalName") {
    return spec.externalName === undefined
      ? []
      : [{ ...base, type: "CNAME", expected: [spec.externalName.replace(/\.$/, "").toLowerCase()] }];
  }
  const isHeadless = spec.clusterIP === "None";
  const addresses = isHeadless ? endpointAddresses(objects, service) : clusterAddresses(service);
  const ports = isHeadless ? [] : (spec.ports ?? []).filter((port) => (port.name ?? "") !== "");
  return [
    { ...base, type: "A", expected: addresses.filter((address) => !address.includes(":")) },
    { ...base, type: "AAAA", expected: addresses.filter((address) => address.includes(":")) },
    ...ports.map(
      (port): DnsQuestion => ({
        service: base.service,
        name: `_${port.name}._${(port.protocol ?? "TCP").toLowerCase()}.${name}`,
        type: "SRV",
        expected: [`${port.port} ${name}`],
      }),
    ),
  ];
}

function clusterAddresses({ spec }: Service): readonly string[] {
  const { clusterIP = "", clusterIPs = [clusterIP] } = spec;
  return clusterIPs.filter((address) => address !== "");
}

function endpointAddresses(objects: ServiceObjects, service: Service): readonly string[] {
  const isCounted = (ready: boolean | undefined): boolean => service.spec.publishNotReadyAddresses || ready !== false;
  const found = slicesOf(objects, service).flatMap(({ endpoints = [] }) =>
    endpoints.filter(({ conditions }) => isCounted(conditions?.ready)).flatMap(({ addresses }) => addresses),
  );
  return [...new Set(found)];
}

/** Undefined: as it has to be. */
export function judgeDnsAnswer({ name, type, expected }: DnsQuestion, answer: DnsAnswer): string | undefined {
  const { records, isTruncated, failure } = answer;
  if (failure !== undefined) return `${name} ${type}: ${failure}`;
  const unwanted = records.filter((record) => !expected.includes(record));
  const absent = expected.filter((record) => !records.includes(record));
  if (unwanted.length > 0) return `${name} ${type}: ${unwanted.join(", ")} is not in the API (${listed(expected)} is)`;
  if (absent.length === 0 || (isTruncated && records.length > 0)) return undefined;
  return `${name} ${type}: the answer lacks ${absent.join(", ")}; it has ${listed(records)}`;
}

function listed(records: readonly string[]): string {
  return records.length === 0 ? "nothing" : records.join(", ");
}
