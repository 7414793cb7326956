/**
 * Which subnet a cluster's underlay gets: the first 10.213.K.0/24 that nothing on the host overlaps, and the IPv6 subnet
 * of the same K. Other clusters show on the host as routes, like everything else that is in use there.
 */
import { formatPrefix, overlaps, type Prefix, parsePrefix } from "#base/ip-address.ts";

/** What exists for IPv4 always and for IPv6 in a dual-stack cluster. */
export interface Families<T> {
  readonly 4: T;
  readonly 6: T | undefined;
}

const CANDIDATES = 256;

/** `taken`: routes and addresses of the host; default routes overlap nothing. */
export function chooseSubnet(taken: readonly Prefix[], dualStack: boolean): Families<Prefix> {
  const inUse = taken.filter(({ length }) => length > 0);
  for (let number = 0; number < CANDIDATES; number++) {
    const subnets = subnetsOfNumber(number, dualStack);
    const wanted = [subnets[4], subnets[6]].filter((prefix) => prefix !== undefined);
    if (!wanted.some((prefix) => inUse.some((other) => overlaps(prefix, other)))) return subnets;
  }
  const examples = inUse.filter((other) => overlaps(ALL_CANDIDATES, other)).slice(0, 3);
  throw new Error(
    `Cannot choose a subnet for the underlay: the host's routes overlap all of ${formatPrefix(ALL_CANDIDATES)} ` +
      `(${examples.map(formatPrefix).join(", ")}, …). See: ip route; remove clusters that are not needed: podwire list`,
  );
}

const ALL_CANDIDATES = parsePrefix("10.213.0.0/16");

function subnetsOfNumber(number: number, dualStack: boolean): Families<Prefix> {
  return {
    4: parsePrefix(`10.213.${number}.0/24`),
    6: dualStack ? parsePrefix(`fd00:213:${number.toString(16)}::/64`) : undefined,
  };
}
