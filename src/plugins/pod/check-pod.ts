/**
 * CHECK of what every plugin with a pair of links makes: links, addresses and routes as the previous result lists them.
 * Each failure names what is expected and what is there. Source: CNI SPEC 1.1.0, "CHECK".
 */
import { formatPrefix, networkOf, type Prefix, parseAddress, parsePrefix } from "#base/ip-address.ts";
import { CniError } from "#cni/cni-error.ts";
import type { PluginRequest } from "#cni/plugin.ts";
import type { CniInterface, CniResult } from "#cni/result.ts";
import { listAddresses } from "#kernel/rtnetlink/address.ts";
import { routeTables } from "#kernel/rtnetlink/family.ts";
import { findLink, type Link } from "#kernel/rtnetlink/link.ts";
import { listRoutes, type Route } from "#kernel/rtnetlink/route.ts";
import type { Host } from "../host.ts";
import type { PodNetns } from "./pod-netns.ts";

export interface CheckedLinks {
  readonly hostLink: Link;
  readonly podLink: Link;
}

export function requirePrevResult({ config }: Pick<PluginRequest, "config">): CniResult {
  if (config.prevResult) return config.prevResult;
  throw new CniError("invalidConfig", "Required prevResult missing", "prevResult");
}

export interface PodLinksToCheck {
  readonly result: CniResult;
  /** As configured. */
  readonly mtu: number | undefined;
  /** Somebody else sets the pod's end up. */
  readonly isUpToOthers?: boolean;
}

/** Both ends, as the previous result and the configuration say. Throws CniError 103. */
export function checkPodLinks(
  { rtnetlink }: Pick<Host, "rtnetlink">,
  pod: PodNetns,
  { ifname, netns }: PluginRequest,
  { result, mtu, isUpToOthers = false }: PodLinksToCheck,
): CheckedLinks {
  const listed = (result.interfaces ?? []).find(({ name, sandbox }) => name === ifname && sandbox === netns);
  if (listed === undefined) {
    throw new CniError("checkFailed", `Cannot check "${ifname}": prevResult has no such interface in "${netns}"`);
  }
  const podLink = findLink(pod.rtnetlink, { name: ifname });
  if (podLink === undefined) throw failed(`Cannot find link "${ifname}" in the container: it is gone`);
  if (podLink.kind?.type !== "veth") throw failed(`Container interface "${ifname}" is not a veth`);
  if (!podLink.up && !isUpToOthers) throw failed(`Container interface "${ifname}" is down`);
  checkListed(podLink, listed);
  const hostLink = podLink.link === undefined ? undefined : findLink(rtnetlink, { ifindex: podLink.link });
  if (hostLink === undefined) throw failed(`Cannot find the host's end of "${ifname}": it is gone`);
  const listedHost = (result.interfaces ?? []).find(({ name, sandbox }) => name === hostLink.name && !sandbox);
  if (listedHost === undefined) {
    throw failed(`Host's end of "${ifname}" is "${hostLink.name}": prevResult has no such interface`);
  }
  checkListed(hostLink, listedHost);
  for (const link of [podLink, hostLink]) {
    if (mtu !== undefined && link.mtu !== mtu) {
      throw failed(`MTU of "${link.name}" is ${link.mtu}: the configuration says ${mtu}`);
    }
  }
  return { hostLink, podLink };
}

function checkListed(link: Link, { name, mac, mtu }: CniInterface): void {
  if (mac !== undefined && link.mac !== mac) throw failed(`MAC of "${name}" is ${link.mac}: prevResult says ${mac}`);
  if (mtu !== undefined && link.mtu !== mtu) throw failed(`MTU of "${name}" is ${link.mtu}: prevResult says ${mtu}`);
}

/** Addresses that the result gives to this interface, and its routes. Throws CniError 103. */
export function checkPodAddresses(pod: PodNetns, { ifindex, name }: Link, result: CniResult): void {
  const own = (result.ips ?? []).filter(
    (ip) => ip.interface === undefined || result.interfaces?.[ip.interface]?.name === name,
  );
  const present = listAddresses(pod.rtnetlink, { ifindex }).map(({ prefix }) => formatPrefix(prefix));
  for (const { address } of own) {
    const wanted = formatPrefix(parsePrefix(address));
    if (!present.includes(wanted))
      throw failed(`Address ${wanted} is not on "${name}"`, `present=${present.join(",")}`);
  }
  for (const { dst, gw, table } of result.routes ?? []) {
    const destination = networkOf(parsePrefix(dst));
    const routes = listRoutes(pod.rtnetlink, { family: destination.family, table: table ?? routeTables.main });
    if (!routes.some((route) => isRouteTo(route, destination, gw))) {
      throw failed(`Route to ${dst}${gw === undefined ? "" : ` via ${gw}`} is not in the container`);
    }
  }
}

function isRouteTo(route: Route, destination: Prefix, gw: string | undefined): boolean {
  if (formatPrefix(route.destination) !== formatPrefix(destination)) return false;
  if (gw === undefined || destination.length === 0) return true;
  const gateway = parseAddress(gw);
  return route.gateway === gateway || (route.nextHops ?? []).some((hop) => hop.gateway === gateway);
}

export function failed(message: string, details = ""): CniError {
  return new CniError("checkFailed", message, details);
}
