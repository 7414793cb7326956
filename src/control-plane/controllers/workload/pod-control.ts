/**
 * Creates and deletes an owner's pods: tells it in events, and keeps the expectations, so that the next look at the
 * informer waits for what was asked for here.
 */
import { isApiError } from "#api/api-error.ts";
import type { KubeObject } from "#api/kind.ts";
import { type Pod, pod as podKind } from "#api/kinds/pod/pod.ts";
import type { Draft } from "#api-client/api-client.ts";
import { keyOf } from "#api-client/object-cache.ts";
import type { ControllerContext } from "../controller.ts";
import { type BatchOutcome, createInBatches } from "./create-in-batches.ts";
import type { Expectations } from "./expectations.ts";

export interface PodControl {
  /** In batches, the first one small; what is behind a failure is not asked for. */
  create(owner: KubeObject, drafts: readonly Draft<Pod>[], signal: AbortSignal): Promise<BatchOutcome>;
  /** All at once. Gives the first error; a pod that is gone already is none. */
  delete(owner: KubeObject, pods: readonly Pod[], signal: AbortSignal): Promise<unknown>;
}

export function createPodControl(
  { client, events }: Pick<ControllerContext, "client" | "events">,
  expectations: Expectations,
): PodControl {
  return {
    async create(owner, drafts, signal) {
      const key = keyOf(owner);
      expectations.expectCreations(key, drafts.length);
      const outcome = await createInBatches(drafts.length, async (index) => {
        const draft = drafts[index];
        if (draft === undefined) return;
        try {
          const { metadata } = await client.create(podKind, draft, signal);
          events.record(owner, {
            type: "Normal",
            reason: "SuccessfulCreate",
            message: `Created pod: ${metadata.name}`,
          });
        } catch (error) {
          if (!isNamespaceTerminating(error)) {
            events.record(owner, {
              type: "Warning",
              reason: "FailedCreate",
              message: `Error creating: ${messageOf(error)}`,
            });
          }
          throw error;
        }
      });
      expectations.creationsObserved(key, drafts.length - outcome.succeeded);
      return outcome;
    },
    async delete(owner, pods, signal) {
      const key = keyOf(owner);
      expectations.expectDeletions(
        key,
        pods.map(({ metadata }) => metadata.uid ?? ""),
      );
      const results = await Promise.allSettled(
        pods.map(async ({ metadata }) => {
          const { name = "", namespace, uid = "" } = metadata;
          try {
            await client.delete(podKind, { namespace, name }, { uid }, signal);
            events.record(owner, { type: "Normal", reason: "SuccessfulDelete", message: `Deleted pod: ${name}` });
          } catch (error) {
            expectations.deletionObserved(key, uid);
            if (isGone(error)) return;
            events.record(owner, {
              type: "Warning",
              reason: "FailedDelete",
              message: `Error deleting: ${messageOf(error)}`,
            });
            throw error;
          }
        }),
      );
      return results.find((result) => result.status === "rejected")?.reason;
    },
  };
}

/** Not there, or another object of the same name by now. */
export function isGone(error: unknown): boolean {
  return isApiError(error, "NotFound") || isApiError(error, "Conflict");
}

/** There is no point in trying again. */
export function isNamespaceTerminating(error: unknown): boolean {
  return isApiError(error) && (error.details?.causes ?? []).some(({ reason }) => reason === "NamespaceTerminating");
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
