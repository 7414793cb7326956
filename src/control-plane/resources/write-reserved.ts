/**
 * A write that needs something unique in the cluster first: taken, written, and kept or given back. Again when somebody
 * took something on another server meanwhile, so that it is certain that nobody has the same.
 */
import { isApiError } from "#api/api-error.ts";
import type { KubeObject } from "#api/kind.ts";
import { isStoreError, type Revision } from "../store/store.ts";
import type { RequestContext } from "./resource-api.ts";
import type { Reservation, ResourceDeps } from "./resource-deps.ts";

export interface ReservedWrite {
  readonly next: KubeObject;
  readonly old: KubeObject | undefined;
  readonly context: Pick<RequestContext, "isDryRun" | "signal">;
  /** Rejects with StoreError `changed` when there are writes after the revision. */
  write(object: KubeObject, unchangedSince: Revision | undefined): Promise<KubeObject>;
}

export async function writeReserved(
  { reservations }: Pick<ResourceDeps, "reservations">,
  { next, old, context, write }: ReservedWrite,
): Promise<KubeObject> {
  // Each turn needs a writer that was faster, so that somebody always gets on.
  for (;;) {
    using _turn = await reservations.turn(context.signal);
    const reservation = reservations.reserve(next, old);
    try {
      return await settle(reservation, context, () => write(reservation.object, reservation.unchangedSince));
    } catch (error) {
      if (!isStoreError(error, "changed")) throw error;
    }
  }
}

/** Runs the write that a reservation is for, and keeps or gives back what was reserved. */
async function settle(
  reservation: Reservation,
  { isDryRun }: Pick<RequestContext, "isDryRun">,
  write: () => Promise<KubeObject>,
): Promise<KubeObject> {
  let written: KubeObject;
  try {
    written = await write();
  } catch (error) {
    const isUnknown = isApiError(error, "ServiceUnavailable") || isStoreError(error, "unavailable");
    reservation.release(isUnknown ? "unknown" : "unwritten");
    throw error;
  }
  if (isDryRun) reservation.release("unwritten");
  else reservation.commit(written);
  return written;
}
