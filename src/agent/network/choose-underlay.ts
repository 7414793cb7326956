/**
 * Which link and address of this node its peers send to, for each family. In this order: what the operator says; the
 * address by which the cluster knows the node; the link of the default route, as flanneld does. Pure.
 */
import { AddressError, type Family, familyOf, type IpAddress, parseAddress } from "#base/ip-address.ts";
import { FAMILIES, type PerFamily, type Underlay } from "#dataplane/contract.ts";
import type { Address } from "#kernel/rtnetlink/address.ts";
import { routeTables, scopes } from "#kernel/rtnetlink/family.ts";
import type { Link } from "#kernel/rtnetlink/link.ts";
import type { Route } from "#kernel/rtnetlink/route.ts";

export interface UnderlayWishes {
  /** Families in which the node has pods. */
  readonly families: readonly Family[];
  /** `--iface`: name of a link, or one of its addresses. */
  readonly iface?: string | undefined;
  /** `--public-ip`: what peers shall send to, whether or not a link has it. */
  readonly publicAddresses: PerFamily<IpAddress>;
  /** By which the cluster knows the node. */
  readonly internalAddresses: PerFamily<IpAddress>;
  /** Chosen before: stays while there is no other, since links that go down lose addresses and routes for a while. */
  readonly previous?: PerFamily<Underlay> | undefined;
}

/** What the kernel has. */
export interface HostLinks {
  readonly links: readonly Pick<Link, "ifindex" | "name">[];
  readonly addresses: readonly Pick<Address, "ifindex" | "prefix" | "scope" | "secondary" | "dadFailed">[];
  /** Of table main. */
  readonly routes: readonly Pick<Route, "destination" | "oif" | "gateway" | "priority" | "src" | "table">[];
}

export interface ChosenUnderlay extends Underlay {
  /** Announced to the peers. */
  readonly publicAddress: IpAddress;
  /** Why this one, for people. */
  readonly reason: string;
}

export interface UnderlayChoice {
  readonly underlay: PerFamily<ChosenUnderlay>;
  /** Of families without one. */
  readonly problems: readonly string[];
}

export function chooseUnderlay(wishes: UnderlayWishes, host: HostLinks): UnderlayChoice {
  const underlay: { [F in Family]?: ChosenUnderlay } = {};
  const problems: string[] = [];
  for (const family of FAMILIES.filter((one) => wishes.families.includes(one))) {
    const found = chooseOf(family, wishes, host);
    const previous = wishes.previous?.[family];
    const isThere = host.links.some(({ name }) => name === previous?.link);
    const before =
      previous && isThere ? { link: previous.link, address: previous.address, reason: "as before" } : undefined;
    const chosen = typeof found === "string" ? before : found;
    if (typeof found === "string") problems.push(`the node has IPv${family} pods, but ${found}`);
    if (chosen) underlay[family] = { ...chosen, publicAddress: wishes.publicAddresses[family] ?? chosen.address };
  }
  return { underlay, problems };
}

type Choice = Omit<ChosenUnderlay, "publicAddress">;

/** A text when there is none. */
function chooseOf(family: Family, wishes: UnderlayWishes, host: HostLinks): Choice | string {
  const { iface } = wishes;
  const preferred = [wishes.publicAddresses[family], wishes.internalAddresses[family]];
  if (iface !== undefined) {
    const link = findByNameOrAddress(iface, host);
    if (link === undefined) return `no link has the name or address "${iface}" (--iface)`;
    const address = addressOn(link.ifindex, family, preferred, host);
    if (address === undefined) return `"${link.name}" (--iface) has no IPv${family} address`;
    return { link: link.name, address, reason: "--iface" };
  }
  for (const [address, reason] of [
    [preferred[0], "--public-ip"],
    [preferred[1], "InternalIP of the node"],
  ] as const) {
    const link = address && findByNameOrAddress(address, host);
    if (link) return { link: link.name, address, reason };
  }
  const route = defaultRoute(family, host);
  const link = host.links.find(({ ifindex }) => ifindex === route?.oif);
  if (link === undefined) return `there is no IPv${family} default route: say which link with --iface`;
  const address = addressOn(link.ifindex, family, [route?.src], host);
  if (address === undefined) return `"${link.name}" of the default route has no IPv${family} address`;
  return { link: link.name, address, reason: "link of the default route" };
}

function findByNameOrAddress(text: string, { links, addresses }: HostLinks): HostLinks["links"][number] | undefined {
  const byName = links.find(({ name }) => name === text);
  if (byName) return byName;
  const wanted = readAddress(text);
  const found = addresses.find(({ prefix }) => prefix.address === wanted);
  return links.find(({ ifindex }) => ifindex === found?.ifindex);
}

function readAddress(text: string): IpAddress | undefined {
  try {
    return parseAddress(text);
  } catch (error) {
    if (error instanceof AddressError) return undefined;
    throw error;
  }
}

/** One that is preferred if the link has it, else its first that lasts. */
function addressOn(
  ifindex: number,
  family: Family,
  preferred: readonly (IpAddress | undefined)[],
  { addresses }: HostLinks,
): IpAddress | undefined {
  const usable = addresses
    .filter((one) => one.ifindex === ifindex && familyOf(one.prefix.address) === family)
    .filter(({ scope, dadFailed, secondary }) => scope === scopes.global && !dadFailed && !secondary)
    .map(({ prefix }) => prefix.address);
  return preferred.find((address) => address !== undefined && usable.includes(address)) ?? usable[0];
}

function defaultRoute(family: Family, { routes }: HostLinks): HostLinks["routes"][number] | undefined {
  return routes
    .filter(({ destination, table = routeTables.main }) => {
      return destination.family === family && destination.length === 0 && table === routeTables.main;
    })
    .toSorted((a, b) => (a.priority ?? 0) - (b.priority ?? 0))
    .find(({ oif }) => oif !== undefined);
}
