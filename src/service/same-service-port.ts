/** Whether two ServicePorts ask the same of the kernel. Pure. */
import type { Prefix } from "#base/ip-address.ts";
import type { Backend, Frontend, ServicePort } from "./service-port.ts";

export function isSameServicePort(one: ServicePort, other: ServicePort): boolean {
  return (
    one.id === other.id &&
    one.affinityTimeoutSeconds === other.affinityTimeoutSeconds &&
    isSame(one.frontends, other.frontends, isSameFrontend) &&
    isSameBackends(one.cluster, other.cluster) &&
    isSameBackends(one.local, other.local)
  );
}

export function isSameBackends(one: readonly Backend[], other: readonly Backend[]): boolean {
  return isSame(one, other, (a, b) => a.address === b.address && a.port === b.port);
}

function isSameFrontend(one: Frontend, other: Frontend): boolean {
  const [ranges, otherRanges] = [one.sourceRanges, other.sourceRanges];
  return (
    one.kind === other.kind &&
    one.address === other.address &&
    one.port === other.port &&
    one.traffic === other.traffic &&
    (ranges === undefined || otherRanges === undefined
      ? ranges === otherRanges
      : isSame(ranges, otherRanges, isSamePrefix))
  );
}

function isSamePrefix(one: Prefix, other: Prefix): boolean {
  return one.address === other.address && one.length === other.length;
}

function isSame<T>(one: readonly T[], other: readonly T[], compare: (a: T, b: T) => boolean): boolean {
  if (one.length !== other.length) return false;
  return one.every((each, at) => {
    const counterpart = other[at];
    return counterpart !== undefined && compare(each, counterpart);
  });
}
