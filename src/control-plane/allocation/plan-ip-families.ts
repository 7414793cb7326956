/**
 * Which families a Service's addresses have: what it asks for, what it had, and what the cluster can give.
 * Source: Kubernetes documentation, "IPv4/IPv6 dual-stack"; the texts are those of the API server.
 */
import { type FieldError, indexPath, invalid } from "#api/field-error.ts";
import type { ServiceSpec } from "#api/kinds/service/service-spec.ts";
import { jsonEqual } from "#api/schema/json-equal.ts";
import type { Family } from "#base/ip-address.ts";

export type IpFamilyName = "IPv4" | "IPv6";

export interface FamilyPlan {
  readonly spec: ServiceSpec;
  readonly errors: readonly FieldError[];
}

const POLICY = "spec.ipFamilyPolicy";
const FAMILIES = "spec.ipFamilies";
const ADDRESSES = "spec.clusterIPs";

export function familyName(family: Family): IpFamilyName {
  return family === 4 ? "IPv4" : "IPv6";
}

/** `configured`: of the cluster's service ranges; the first is the default. The spec's addresses are well formed. */
export function planIpFamilies(
  spec: ServiceSpec,
  old: ServiceSpec | undefined,
  configured: readonly IpFamilyName[],
): FamilyPlan {
  if (spec.type === "ExternalName" || (old !== undefined && keepsPreference(spec, old))) return { spec, errors: [] };
  const policy = spec.ipFamilyPolicy ?? old?.ipFamilyPolicy ?? defaultPolicy(spec);
  const asked = { ...spec, ipFamilyPolicy: policy };
  const errors = [...checkCounts(asked), ...checkInferable(asked, configured)];
  if (errors.length > 0) return { spec: asked, errors };
  const families = inferFamilies(asked);
  const isSelectorless = isHeadless(asked) && Object.keys(asked.selector ?? {}).length === 0;
  if (!isSelectorless) {
    const unavailable = checkAvailable(policy, families, configured);
    if (unavailable.length > 0) return { spec: asked, errors: unavailable };
  }
  const [first = configured[0] ?? "IPv4", ...others] = families;
  const other = first === "IPv4" ? "IPv6" : "IPv4";
  const wantsBoth = policy !== "SingleStack" && others.length === 0 && (isSelectorless || configured.includes(other));
  return { spec: { ...asked, ipFamilies: wantsBoth ? [first, other] : [first, ...others] }, errors: [] };
}

/** A Service that prefers both families does not change with the cluster, only when it is asked to. */
function keepsPreference(spec: ServiceSpec, old: ServiceSpec): boolean {
  return (
    (spec.ipFamilyPolicy ?? "PreferDualStack") === "PreferDualStack" &&
    old.ipFamilyPolicy === "PreferDualStack" &&
    (old.clusterIPs ?? []).length > 0 &&
    jsonEqual(spec.clusterIPs ?? [], old.clusterIPs ?? []) &&
    jsonEqual(spec.ipFamilies ?? [], old.ipFamilies ?? [])
  );
}

function defaultPolicy(spec: ServiceSpec): NonNullable<ServiceSpec["ipFamilyPolicy"]> {
  const isSelectorless = Object.keys(spec.selector ?? {}).length === 0;
  return isHeadless(spec) && isSelectorless ? "RequireDualStack" : "SingleStack";
}

function isHeadless({ clusterIPs = [] }: ServiceSpec): boolean {
  return clusterIPs[0] === "None";
}

function checkCounts({ ipFamilyPolicy, clusterIPs = [], ipFamilies = [] }: ServiceSpec): readonly FieldError[] {
  if (ipFamilyPolicy !== "SingleStack") return [];
  const needed = (what: string) =>
    invalid(
      POLICY,
      ipFamilyPolicy,
      `must be 'RequireDualStack' or 'PreferDualStack' when multiple ${what} are specified`,
    );
  return [
    ...(clusterIPs.length === 2 ? [needed("cluster IPs")] : []),
    ...(ipFamilies.length === 2 ? [needed("IP families")] : []),
  ];
}

/** Addresses of a family that the cluster has not, where no family is named: the address is what is wrong. */
function checkInferable(spec: ServiceSpec, configured: readonly IpFamilyName[]): readonly FieldError[] {
  const { clusterIPs = [], ipFamilies = [] } = spec;
  if (isHeadless(spec)) return [];
  return clusterIPs.flatMap((address, index) => {
    const family = nameOf(address);
    if (index < ipFamilies.length || configured.includes(family)) return [];
    return [invalid(indexPath(ADDRESSES, index), clusterIPs, `${family} is not configured on this cluster`)];
  });
}

function inferFamilies(spec: ServiceSpec): readonly IpFamilyName[] {
  const { clusterIPs = [], ipFamilies = [] } = spec;
  return isHeadless(spec) ? ipFamilies : [...ipFamilies, ...clusterIPs.slice(ipFamilies.length).map(nameOf)];
}

function nameOf(address: string): IpFamilyName {
  return address.includes(":") ? "IPv6" : "IPv4";
}

function checkAvailable(
  policy: string,
  families: readonly IpFamilyName[],
  configured: readonly IpFamilyName[],
): readonly FieldError[] {
  return [
    ...(policy === "RequireDualStack" && configured.length < 2
      ? [invalid(POLICY, policy, "this cluster is not configured for dual-stack services")]
      : []),
    ...families.flatMap((family, index) =>
      configured.includes(family)
        ? []
        : [invalid(indexPath(FAMILIES, index), family, "not configured on this cluster")],
    ),
  ];
}
