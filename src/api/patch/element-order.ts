/**
 * The order of a merged list: elements that the patch names stand as the patch has them, the others as the live list
 * had them, and where both lists know two elements the live order decides between them.
 * Source: Kubernetes, design proposal "Order of elements in strategic merge patch".
 */
import type { JsonValue } from "#base/json.ts";

/** What an element is found by: the value of the merge key, or a scalar itself. */
type Identify = (element: JsonValue) => JsonValue | undefined;

export interface ElementOrder {
  /** Identities in the order that is asked for; its elements come as it says. */
  readonly wanted: readonly (JsonValue | undefined)[];
  /** Identities in the order of the live list. */
  readonly live: readonly (JsonValue | undefined)[];
}

export function orderElements(
  elements: readonly JsonValue[],
  { wanted, live }: ElementOrder,
  identify: Identify,
): readonly JsonValue[] {
  const wantedPlace = places(wanted);
  const livePlace = places(live);
  const placed = elements.map((element) => {
    const identity = identify(element);
    return { element, wanted: wantedPlace.get(identity), live: livePlace.get(identity) };
  });
  const named = placed.filter((item) => item.wanted !== undefined).sort(by((item) => item.wanted));
  const others = placed.filter((item) => item.wanted === undefined).sort(by((item) => item.live));

  const ordered: JsonValue[] = [];
  let next = 0;
  for (const item of named) {
    while (next < others.length && isBefore(others[next]?.live, item.live)) {
      ordered.push(...elementAt(others, next));
      next += 1;
    }
    ordered.push(item.element);
  }
  return [...ordered, ...others.slice(next).map((item) => item.element)];
}

function elementAt(items: readonly { readonly element: JsonValue }[], index: number): readonly JsonValue[] {
  const item = items[index];
  return item === undefined ? [] : [item.element];
}

function places(identities: readonly (JsonValue | undefined)[]): ReadonlyMap<JsonValue | undefined, number> {
  const map = new Map<JsonValue | undefined, number>();
  identities.forEach((identity, index) => {
    if (!map.has(identity)) map.set(identity, index);
  });
  return map;
}

/** Elements without a place come last, in the order they have. */
function by<T>(place: (item: T) => number | undefined): (a: T, b: T) => number {
  return (a, b) => (place(a) ?? Number.MAX_SAFE_INTEGER) - (place(b) ?? Number.MAX_SAFE_INTEGER);
}

function isBefore(a: number | undefined, b: number | undefined): boolean {
  return a !== undefined && b !== undefined && a < b;
}
