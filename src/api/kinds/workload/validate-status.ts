/** What holds between the numbers in a workload's status. Source: validation of the API server, apps/v1. */
import { type FieldError, invalid } from "../../field-error.ts";

/** Counts of pods, absent ones being 0. */
type Counts = Readonly<Record<string, number | undefined>>;

/** Each of these numbers is at most `limit`. `limitName`: as it stands in the text. */
export function validateAtMost(counts: Counts, limit: number | undefined, limitName: string): readonly FieldError[] {
  return Object.entries(counts).flatMap(([name, value = 0]) =>
    value > (limit ?? 0) ? [invalid(`status.${name}`, value, `cannot be greater than ${limitName}`)] : [],
  );
}

interface WithCollisionCount {
  readonly status?: { readonly collisionCount?: number | undefined } | undefined;
}

/** Names of dependents are made from it, and must not come back. */
export function validateCollisionCount(next: WithCollisionCount, old: WithCollisionCount): readonly FieldError[] {
  const before = old.status?.collisionCount;
  const after = next.status?.collisionCount;
  if (before === undefined || (after ?? -1) >= before) return [];
  return [invalid("status.collisionCount", after ?? 0, "cannot be decremented")];
}
