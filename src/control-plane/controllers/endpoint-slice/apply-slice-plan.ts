/** Writes what was planned for the slices of one owner. Slices that are gone already need not be deleted. */
import { isApiError } from "#api/api-error.ts";
import { type EndpointSlice, endpointSlice } from "#api/kinds/endpoint-slice.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import type { SlicePlan } from "./plan-slices.ts";

export interface SliceWriter {
  readonly client: Pick<ApiClient, "create" | "update" | "delete">;
  onCreated(slice: EndpointSlice): void;
}

export async function applySlicePlan(plan: SlicePlan, { client, onCreated }: SliceWriter, signal: AbortSignal) {
  // New endpoints first: whoever moves from one slice to another is never in none.
  for (const draft of plan.create) onCreated(await client.create(endpointSlice, draft, signal));
  for (const slice of plan.update) await client.update(endpointSlice, slice, signal);
  for (const { metadata } of plan.delete) {
    const { namespace, name = "", uid } = metadata;
    try {
      await client.delete(endpointSlice, { namespace, name }, uid === undefined ? {} : { uid }, signal);
    } catch (error) {
      if (!isApiError(error, "NotFound")) throw error;
    }
  }
}
