/**
 * What IPAM gave, completed: gateways, default route, index of the pod's interface. Pure.
 * Equal to what the reference's bridge and ptp make of an IPAM result.
 */
import {
  addressToBigInt,
  bigIntToAddress,
  type IpAddress,
  lastAddress,
  networkOf,
  type Prefix,
  parseAddress,
  parsePrefix,
} from "#base/ip-address.ts";
import { CniError } from "#cni/cni-error.ts";
import type { CniIp, CniResult, CniRoute } from "#cni/result.ts";

export interface PodAddress {
  /** With the pod's host bits: `10.1.0.5/16`. */
  readonly prefix: Prefix;
  readonly gateway: IpAddress | undefined;
}

export interface PodRoute extends CniRoute {
  readonly prefix: Prefix;
  /** The route's own gateway, or the first of its family; undefined for a route without. */
  readonly via: IpAddress | undefined;
}

export interface IpPlan {
  readonly addresses: readonly PodAddress[];
  readonly routes: readonly PodRoute[];
  /** Completed entries of the result, without `interface`. */
  readonly ips: readonly CniIp[];
  readonly resultRoutes: readonly CniRoute[];
}

export interface IpPlanOptions {
  /** A missing gateway is the first address of the network. */
  readonly isGateway: boolean;
  /** Adds a default route per family unless IPAM gave one. */
  readonly isDefaultGateway: boolean;
}

const DEFAULT_ROUTES = { 4: "0.0.0.0/0", 6: "::/0" } as const;

/** Throws CniError when IPAM gave no address. */
export function planIp(ipam: CniResult, { isGateway, isDefaultGateway }: IpPlanOptions): IpPlan {
  const addresses = (ipam.ips ?? []).map(({ address, gateway }): PodAddress => {
    const prefix = parsePrefix(address);
    const given = gateway === undefined ? undefined : parseAddress(gateway);
    return { prefix, gateway: given ?? (isGateway ? firstAddress(prefix) : undefined) };
  });
  if (addresses.length === 0) throw new CniError("internal", "IPAM plugin returned missing IP config");
  const resultRoutes = [
    ...(ipam.routes ?? []),
    ...(isDefaultGateway ? defaultRoutes(addresses, ipam.routes ?? []) : []),
  ];
  return {
    addresses,
    routes: planRoutes(resultRoutes, addresses),
    resultRoutes,
    ips: (ipam.ips ?? []).map(({ address }, index) => {
      const gateway = addresses[index]?.gateway;
      return { address, ...(gateway !== undefined && { gateway }) };
    }),
  };
}

/** Routes as the kernel gets them. */
export function planRoutes(routes: readonly CniRoute[], addresses: readonly PodAddress[]): readonly PodRoute[] {
  return routes.map((route) => {
    const prefix = parsePrefix(route.dst);
    const own = route.gw === undefined ? undefined : parseAddress(route.gw);
    return {
      ...route,
      prefix,
      via: own ?? addresses.find((each) => each.prefix.family === prefix.family && each.gateway)?.gateway,
    };
  });
}

function defaultRoutes(addresses: readonly PodAddress[], given: readonly CniRoute[]): readonly CniRoute[] {
  const missing = ([4, 6] as const).filter(
    (family) =>
      addresses.some(({ prefix }) => prefix.family === family) &&
      !given.some(({ dst }) => networkText(dst) === DEFAULT_ROUTES[family]),
  );
  return missing.flatMap((family) => {
    const gateway = addresses.find(({ prefix }) => prefix.family === family)?.gateway;
    return gateway === undefined ? [] : [{ dst: DEFAULT_ROUTES[family], gw: gateway }];
  });
}

function networkText(dst: string): string {
  const { address, length } = networkOf(parsePrefix(dst));
  return `${address}/${length}`;
}

/** RFC 8200 section 5: every link of IPv6 carries packets of this size. */
const MIN_MTU_OF_IPV6 = 1280;

/** Throws CniError 7: on a link with a smaller MTU the kernel has no IPv6. */
export function requireMtu({ addresses }: Pick<IpPlan, "addresses">, mtu: number | undefined): void {
  if (mtu === undefined || mtu >= MIN_MTU_OF_IPV6 || addresses.every(({ prefix }) => prefix.family === 4)) return;
  throw new CniError("invalidConfig", `Cannot use mtu ${mtu}: IPv6 needs ${MIN_MTU_OF_IPV6}`, `mtu=${mtu}`);
}

/** Of IPv4 networks that have one: RFC 3021 takes it from those of two addresses. */
export function broadcastOf(prefix: Prefix): IpAddress | undefined {
  return prefix.family === 4 && prefix.length <= 30 ? lastAddress(prefix) : undefined;
}

function firstAddress(prefix: Prefix): IpAddress {
  return bigIntToAddress(prefix.family, addressToBigInt(networkOf(prefix).address) + 1n);
}
