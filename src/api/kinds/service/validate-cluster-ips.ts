/**
 * Addresses of a service and their families. Source: Kubernetes documentation, "IPv4/IPv6 dual-stack"; the texts are
 * those of the API server.
 */
import { duplicate, type FieldError, indexPath, invalid } from "../../field-error.ts";
import { checkAddress } from "../network/address.ts";
import type { ServiceSpec } from "./service-spec.ts";

const ADDRESSES = "spec.clusterIPs";
const FAMILIES = "spec.ipFamilies";

/** "None" stands for a service without an address. */
export function isHeadless({ clusterIPs = [] }: ServiceSpec): boolean {
  return clusterIPs.length === 1 && clusterIPs[0] === "None";
}

/** What belongs to ExternalName is checked with the type. */
export function validateClusterIps(spec: ServiceSpec): readonly FieldError[] {
  if (spec.type === "ExternalName") return [];
  const { ipFamilies = [] } = spec;
  const malformed = malformedAddresses(spec);
  return [
    ...disagreements(spec),
    ...ipFamilies.flatMap((family, index) =>
      ipFamilies.indexOf(family) < index ? [duplicate(indexPath(FAMILIES, index), family)] : [],
    ),
    // Families of addresses that are none would only confuse.
    ...(malformed.length > 0 ? malformed : wrongFamilies(spec)),
  ];
}

function disagreements({ clusterIP = "", clusterIPs = [] }: ServiceSpec): readonly FieldError[] {
  if (clusterIP === "" && clusterIPs.length > 0) {
    return [invalid(ADDRESSES, clusterIPs, "must be empty when `clusterIP` is not specified")];
  }
  return clusterIP !== (clusterIPs[0] ?? clusterIP)
    ? [invalid(ADDRESSES, clusterIPs, "first value must match `clusterIP`")]
    : [];
}

function malformedAddresses({ clusterIPs = [] }: ServiceSpec): readonly FieldError[] {
  return clusterIPs.flatMap((address, index) => {
    if (index === 0 && address === "None") {
      return clusterIPs.length === 1 ? [] : [invalid(ADDRESSES, clusterIPs, "'None' must be the first and only value")];
    }
    return checkAddress(address).map((text) => invalid(indexPath(ADDRESSES, index), address, text));
  });
}

function wrongFamilies(spec: ServiceSpec): readonly FieldError[] {
  const { clusterIPs = [], ipFamilies = [] } = spec;
  if (isHeadless(spec)) return [];
  const families = clusterIPs.map((address) => (address.includes(":") ? "IPv6" : "IPv4"));
  return [
    ...(clusterIPs.length > 2 ? [invalid(ADDRESSES, clusterIPs, "may only hold up to 2 values")] : []),
    ...(new Set(families).size < Math.min(families.length, 2)
      ? [invalid(ADDRESSES, clusterIPs, "may specify no more than one IP for each IP family")]
      : []),
    ...clusterIPs.flatMap((address, index) => {
      const wanted = ipFamilies[index];
      return wanted === undefined || wanted === families[index]
        ? []
        : [
            invalid(
              indexPath(ADDRESSES, index),
              address,
              `expected an ${wanted} value as indicated by \`ipFamilies[${index}]\``,
            ),
          ];
    }),
  ];
}

/** Addresses stay; a second one may come, and go with ipFamilyPolicy SingleStack. */
export function validateClusterIpsUpdate(next: ServiceSpec, old: ServiceSpec): readonly FieldError[] {
  if (next.type === "ExternalName" || old.type === "ExternalName") return [];
  if (isHeadless(next) && isHeadless(old)) return [];
  const rules = [{ path: ADDRESSES, name: "clusterIP", next: next.clusterIPs ?? [], old: old.clusterIPs ?? [] }];
  if (!isHeadless(next) && !isHeadless(old)) {
    rules.push({ path: FAMILIES, name: "ipFamily", next: next.ipFamilies ?? [], old: old.ipFamilies ?? [] });
  }
  return rules.flatMap((rule) => validateKept(rule, next.ipFamilyPolicy));
}

interface Kept {
  readonly path: string;
  readonly name: string;
  readonly next: readonly string[];
  readonly old: readonly string[];
}

function validateKept({ path, name, next, old }: Kept, policy: ServiceSpec["ipFamilyPolicy"]): readonly FieldError[] {
  const changed = old.flatMap((value, index) =>
    index < next.length && next[index] !== value
      ? [invalid(indexPath(path, index), next, "may not change once set")]
      : [],
  );
  if (next.length >= old.length) return changed;
  return [
    ...(next.length === 0 ? [invalid(indexPath(path, 0), next, `primary ${name} can not be unset`)] : []),
    ...changed,
    ...(next.length === 1 && policy !== "SingleStack"
      ? [invalid("spec.ipFamilyPolicy", policy, `must be set to 'SingleStack' when releasing the secondary ${name}`)]
      : []),
  ];
}
