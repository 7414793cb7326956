/**
 * The addresses of a Service of type LoadBalancer: one of each of its families, the same as long as it lives. Pure but for
 * what the pool remembers. Source: Kubernetes documentation, "Service" (type LoadBalancer, loadBalancerClass).
 */
import { findAddress } from "#api/kinds/network/address.ts";
import type { LoadBalancerIngress, Service } from "#api/kinds/service/service.ts";
import { type Family, familyOf, type IpAddress } from "#base/ip-address.ts";
import type { AddressPool } from "./address-pool.ts";

/** Services that name another class are another load balancer's. */
export const LOAD_BALANCER_CLASS = "podwire.io/local";

export type LoadBalancerPlan =
  | { readonly type: "none" }
  /** What status.loadBalancer.ingress should be; empty: nothing of ours. */
  | { readonly type: "assign"; readonly ingress: readonly LoadBalancerIngress[] }
  | { readonly type: "unavailable"; readonly reason: string };

export function isManaged({ metadata, spec }: Service): boolean {
  const { type, loadBalancerClass = "" } = spec;
  const isOurs = loadBalancerClass === "" || loadBalancerClass === LOAD_BALANCER_CLASS;
  return type === "LoadBalancer" && isOurs && metadata.deletionTimestamp === undefined;
}

/** Its addresses as they are stored. */
export function assignedAddresses({ status }: Service): readonly IpAddress[] {
  return (status?.loadBalancer?.ingress ?? []).flatMap(({ ip = "" }) => findAddress(ip) ?? []);
}

/** `owner`: the uid. */
export function planLoadBalancer(service: Service, pool: AddressPool): LoadBalancerPlan {
  const owner = service.metadata.uid ?? "";
  const present = assignedAddresses(service);
  if (!isManaged(service)) {
    const isOurs = present.some((address) => pool.contains(address));
    pool.release(owner);
    // Of another class now: its load balancer writes what is right.
    return isOurs && service.spec.type !== "LoadBalancer" ? { type: "assign", ingress: [] } : { type: "none" };
  }
  const wanted = findAddress(service.spec.loadBalancerIP ?? "");
  const addresses: IpAddress[] = [];
  for (const family of familiesOf(service)) {
    const asked = wanted !== undefined && familyOf(wanted) === family ? wanted : undefined;
    const known = present.find((address) => familyOf(address) === family && pool.contains(address));
    const kept = asked === undefined && known !== undefined ? pool.take(owner, known) : undefined;
    const address = kept ?? (asked === undefined ? pool.takeAny(owner, family) : pool.take(owner, asked));
    if (address !== undefined) addresses.push(address);
    else if (asked !== undefined) return { type: "unavailable", reason: `${asked} is not free in the pool` };
  }
  pool.release(owner, addresses);
  if (addresses.length === 0) return { type: "unavailable", reason: "the pool has no free address of its families" };
  if (addresses.join() === present.join()) return { type: "none" };
  return { type: "assign", ingress: addresses.map((ip) => ({ ip, ipMode: "VIP" })) };
}

function familiesOf({ spec }: Service): readonly Family[] {
  const families = spec.ipFamilies ?? [];
  return families.length === 0 ? [4] : families.map((family) => (family === "IPv6" ? 6 : 4));
}
