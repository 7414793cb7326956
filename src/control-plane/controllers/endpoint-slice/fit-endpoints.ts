/**
 * Puts endpoints into slices of limited size and changes as few slices as it can: every change of a slice goes to
 * every node. An endpoint stays where it is; new ones fill slices that change anyway, then at most one more slice,
 * then new ones. Source: Kubernetes documentation, "EndpointSlices" (distribution of EndpointSlices).
 */
import type { Endpoint, EndpointSlice } from "#api/kinds/endpoint-slice.ts";
import { sameJson } from "../same-json.ts";

export interface WantedEndpoint {
  readonly endpoint: Endpoint;
  /** When that became so, as far as it is known. */
  readonly changedAt: string | undefined;
}

/** What becomes of a slice; of a new one when `slice` is undefined. */
export interface FilledSlice {
  readonly slice: EndpointSlice | undefined;
  readonly endpoints: readonly Endpoint[];
  readonly isChanged: boolean;
  /** Of the endpoints that are new or different. */
  readonly changedAt: readonly string[];
}

/** While it is filled. */
interface Filling {
  readonly slice: EndpointSlice | undefined;
  readonly endpoints: Endpoint[];
  readonly changedAt: string[];
  isChanged: boolean;
}

export function fitEndpoints(
  slices: readonly EndpointSlice[],
  wanted: readonly WantedEndpoint[],
  maxPerSlice: number,
): readonly FilledSlice[] {
  const missing = new Map(wanted.map((one) => [identityOf(one.endpoint), one]));
  const fillings = slices.map((slice) => keepWanted(slice, missing));
  const rest = [...missing.values()];
  const byFullness = fillings.toSorted((a, b) => b.endpoints.length - a.endpoints.length);
  for (const filling of byFullness) {
    if (filling.isChanged && filling.endpoints.length > 0) fill(filling, rest, maxPerSlice);
  }
  while (rest.length > 0) {
    const open = byFullness.find(
      ({ isChanged, endpoints }) => !isChanged && endpoints.length + rest.length <= maxPerSlice,
    );
    const filling = open ?? newFilling();
    if (open === undefined) fillings.push(filling);
    fill(filling, rest, maxPerSlice);
  }
  return fillings;
}

/** Two endpoints with the same identity are one that has changed. */
function identityOf({ addresses, hostname = "", targetRef }: Endpoint): string {
  return [...addresses, hostname, targetRef?.namespace ?? "", targetRef?.name ?? ""].join(" ");
}

/** What of the slice is still wanted, in its place and as it is now; that is not missing any more. */
function keepWanted(slice: EndpointSlice, missing: Map<string, WantedEndpoint>): Filling {
  const filling: Filling = { slice, endpoints: [], changedAt: [], isChanged: false };
  for (const old of slice.endpoints ?? []) {
    const identity = identityOf(old);
    const next = missing.get(identity);
    missing.delete(identity);
    if (next === undefined) filling.isChanged = true;
    else if (sameJson(old, next.endpoint)) filling.endpoints.push(old);
    else put(filling, next);
  }
  return filling;
}

function newFilling(): Filling {
  return { slice: undefined, endpoints: [], changedAt: [], isChanged: true };
}

function fill(filling: Filling, rest: WantedEndpoint[], maxPerSlice: number): void {
  for (const one of rest.splice(0, Math.max(0, maxPerSlice - filling.endpoints.length))) put(filling, one);
}

function put(filling: Filling, { endpoint, changedAt }: WantedEndpoint): void {
  filling.isChanged = true;
  filling.endpoints.push(endpoint);
  if (changedAt !== undefined) filling.changedAt.push(changedAt);
}
