/** The route that a packet takes in a namespace, from the rules and tables that were read. Equal to `ip route get`. */
import { contains, familyOf, formatPrefix, type IpAddress } from "#base/ip-address.ts";
import type { Route } from "#kernel/rtnetlink/route.ts";
import type { Rule } from "#kernel/rtnetlink/rule.ts";
import { findLinkByIndex, type NamespaceFacts } from "../facts/world-facts.ts";

export interface RouteQuestion {
  readonly destination: IpAddress;
  readonly source?: IpAddress | undefined;
  /** Name of the link that it came in by; undefined for the namespace's own packets. */
  readonly iif?: string | undefined;
}

/** Undefined when nothing leads there. Packets are taken to have no firewall mark. */
export function routeFor(namespace: NamespaceFacts, question: RouteQuestion): Route | undefined {
  const family = familyOf(question.destination);
  for (const rule of namespace.rules) {
    if (rule.family !== family || !matches(rule, question)) continue;
    if (rule.action !== "lookup") return undefined;
    const route = longestMatch(namespace.routes, rule.table, question.destination);
    if (route === undefined) continue;
    const { suppressPrefixLength } = rule;
    if (suppressPrefixLength !== undefined && route.destination.length <= suppressPrefixLength) continue;
    return route;
  }
  return undefined;
}

function matches(rule: Rule, { source, destination, iif }: RouteQuestion): boolean {
  const { from, to, fwmark, invert } = rule;
  const selected =
    (from === undefined || from.length === 0 || (source !== undefined && contains(from, source))) &&
    (to === undefined || contains(to, destination)) &&
    (fwmark === undefined || fwmark === 0) &&
    (rule.iif === undefined || rule.iif === (iif ?? "lo")) &&
    rule.oif === undefined;
  return selected !== invert;
}

function longestMatch(routes: readonly Route[], table: number, destination: IpAddress): Route | undefined {
  let best: Route | undefined;
  for (const route of routes) {
    if (route.table !== table || route.type === "multicast" || !contains(route.destination, destination)) continue;
    const longer = best === undefined || route.destination.length > best.destination.length;
    const equal = best !== undefined && route.destination.length === best.destination.length;
    if (longer || (equal && (route.priority ?? 0) < (best?.priority ?? 0))) best = route;
  }
  return best;
}

/** Next hop and link of a route; of several next hops the first. */
export function nextHopOf(route: Route): {
  readonly gateway?: IpAddress | undefined;
  readonly oif?: number | undefined;
} {
  const [first] = route.nextHops ?? [];
  return first ?? route;
}

/** In the words of `ip route`. */
export function describeRoute(namespace: NamespaceFacts, route: Route): string {
  const { gateway, oif } = nextHopOf(route);
  const link = findLinkByIndex(namespace, oif)?.name;
  const words = [
    route.type === "unicast" ? undefined : route.type,
    route.destination.length === 0 ? "default" : formatPrefix(route.destination),
    gateway && `via ${gateway}`,
    link && `dev ${link}`,
    route.onlink ? "onlink" : undefined,
    route.mtu === undefined ? undefined : `mtu ${route.mtu}`,
  ];
  return words.filter((word) => word !== undefined).join(" ");
}

/** The address that a namespace's own packets to a destination come from: the route's, or one of its link. */
export function sourceFor(namespace: NamespaceFacts, destination: IpAddress): IpAddress | undefined {
  const route = routeFor(namespace, { destination });
  if (route === undefined) return undefined;
  if (route.type === "local") return destination;
  const family = familyOf(destination);
  const usable = namespace.addresses.filter(({ prefix, scope }) => prefix.family === family && scope === 0);
  const { oif } = nextHopOf(route);
  return route.src ?? (usable.find(({ ifindex }) => ifindex === oif) ?? usable[0])?.prefix.address;
}
