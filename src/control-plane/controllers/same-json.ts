/** Parts of API objects as JSON, for comparing what is wanted with what is there. */
import { jsonEqual } from "#api/schema/json-equal.ts";
import type { JsonValue } from "#base/json.ts";

export function sameJson(a: unknown, b: unknown): boolean {
  // Parts of API objects hold JSON and undefined alone; members that are undefined count as absent.
  return jsonEqual(a as JsonValue | undefined, b as JsonValue | undefined);
}
