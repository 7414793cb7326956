/**
 * Amounts of resources as whole numbers, as the scheduler adds and compares them: cpu in thousandths, everything else
 * in its unit, rounded up. Source: Kubernetes documentation, "Resource Management for Pods and Containers".
 */
import type { ResourceList } from "#api/kinds/pod/resource-requirements.ts";
import { parseQuantity, quantityMillis, quantityValue } from "#api/quantity.ts";

/** By the name of the resource. */
export type Amounts = ReadonlyMap<string, number>;

/** A petabyte. Beyond it sums would not be exact any more, and no node has that much. */
const MAX_AMOUNT = 2 ** 50;

const NONE: Amounts = new Map();

export function amountsOf(list: ResourceList | undefined): Amounts {
  if (list === undefined) return NONE;
  return new Map(Object.entries(list).map(([name, text]) => [name, amountOf(name, text)]));
}

export function addTo(sum: Map<string, number>, amounts: Amounts): void {
  for (const [name, amount] of amounts) sum.set(name, (sum.get(name) ?? 0) + amount);
}

/** What becomes zero is removed, so that a sum is the same whichever way it came about. */
export function subtractFrom(sum: Map<string, number>, amounts: Amounts): void {
  for (const [name, amount] of amounts) {
    const rest = (sum.get(name) ?? 0) - amount;
    if (rest === 0) sum.delete(name);
    else sum.set(name, rest);
  }
}

export function raiseTo(peak: Map<string, number>, amounts: Amounts): void {
  for (const [name, amount] of amounts) if (amount > (peak.get(name) ?? 0)) peak.set(name, amount);
}

function amountOf(name: string, text: string): number {
  const quantity = parseQuantity(text);
  return Math.min(MAX_AMOUNT, name === "cpu" ? quantityMillis(quantity) : quantityValue(quantity));
}
