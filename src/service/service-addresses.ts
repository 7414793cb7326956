/** Where clients reach a Service, apart from the numbers of its ports. Pure. */
import { findAddress, findPrefix } from "#api/kinds/network/address.ts";
import type { Service } from "#api/kinds/service/service.ts";
import { type Family, familyOf, networkOf, type Prefix } from "#base/ip-address.ts";
import type { Frontend, FrontendKind } from "./service-port.ts";

export interface ServiceAddresses {
  readonly frontends: readonly (Omit<Frontend, "port"> & { readonly family: Family })[];
  readonly skipped: readonly string[];
}

type Traffic = Frontend["traffic"];

export function serviceAddresses({ spec, status }: Service): ServiceAddresses {
  const { type, clusterIP = "", clusterIPs = [clusterIP], externalIPs = [] } = spec;
  const skipped: string[] = [];
  const hasNodePorts = type === "NodePort" || type === "LoadBalancer";
  const internal: Traffic = spec.internalTrafficPolicy === "Local" ? "local" : "cluster";
  const external: Traffic = spec.externalTrafficPolicy === "Local" ? "local" : "cluster";

  function at(kind: FrontendKind, traffic: Traffic, texts: readonly string[]) {
    return texts.flatMap((text) => {
      const address = findAddress(text);
      if (address === undefined) skipped.push(`${kind} "${text}" is no IP address`);
      return address === undefined ? [] : [{ kind, address, family: familyOf(address), traffic }];
    });
  }

  const own = at(
    "clusterIP",
    internal,
    clusterIPs.filter((text) => text !== "" && text !== "None"),
  );
  const families = new Set(own.map(({ family }) => family));
  const ranges = sourceRanges(spec.loadBalancerSourceRanges ?? [], skipped);
  const ingress = type === "LoadBalancer" ? (status?.loadBalancer?.ingress ?? []) : [];
  // Proxy: the load balancer sends to node ports, and packets never arrive with its address.
  const balanced = ingress.flatMap(({ ip = "", ipMode = "VIP" }) => (ip === "" || ipMode !== "VIP" ? [] : [ip]));
  return {
    frontends: [
      ...own,
      ...(hasNodePorts
        ? [...families].map((family) => ({ kind: "nodePort" as const, family, traffic: external }))
        : []),
      // Of a family in which the Service has no address it has no endpoints either.
      ...at("externalIP", external, externalIPs).filter(({ family }) => families.has(family)),
      ...at("loadBalancer", external, balanced)
        .filter(({ family }) => families.has(family))
        .map((frontend) => ({ ...frontend, ...ranges(frontend.family) })),
    ],
    skipped,
  };
}

/**
 * As soon as there is one range, only who is in one is let in: a family without any lets nobody in. A range that cannot be
 * read is none.
 */
function sourceRanges(texts: readonly string[], skipped: string[]): (family: Family) => Pick<Frontend, "sourceRanges"> {
  const ranges = texts.flatMap((text): readonly Prefix[] => {
    const prefix = findPrefix(text.trim());
    if (prefix === undefined) skipped.push(`loadBalancerSourceRanges "${text}" is no CIDR: it lets nobody in`);
    return prefix === undefined ? [] : [networkOf(prefix)];
  });
  return (family) => {
    const own = ranges.filter((range) => range.family === family);
    const isOpen = texts.length === 0 || own.some(({ length }) => length === 0);
    return isOpen ? {} : { sourceRanges: own };
  };
}
