/**
 * Writes pods' status to the API when it differs from what was written last, and deletes pods that are over.
 * Apart from the workers, so that no pod waits for the API server.
 */
import { isApiError } from "#api/api-error.ts";
import { type Pod, pod as podKind } from "#api/kinds/pod/pod.ts";
import type { PodStatus } from "#api/kinds/pod/pod-status.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import { createWorkQueue } from "#api-client/create-work-queue.ts";
import type { JsonValue } from "#base/json.ts";

export interface StatusWriter extends AsyncDisposable {
  set(pod: Pod, status: PodStatus, isOver: boolean): void;
  /** The last status given, which the API may not have yet. */
  last(uid: string): PodStatus | undefined;
  forget(uid: string): void;
}

interface Wanted {
  readonly pod: Pod;
  readonly status: PodStatus;
  readonly isOver: boolean;
}

const WRITERS = 8;

export function createStatusWriter(
  client: Pick<ApiClient, "patch" | "delete">,
  onError: (uid: string, error: unknown) => void,
): StatusWriter {
  const wanted = new Map<string, Wanted>();
  const written = new Map<string, string>();
  /** Until they are forgotten. */
  const deleted = new Set<string>();
  const queue = createWorkQueue({ name: "pod status", workers: WRITERS, work, onError });

  async function work(uid: string, signal: AbortSignal): Promise<void> {
    const next = wanted.get(uid);
    if (next === undefined || deleted.has(uid)) return;
    const { pod, status, isOver } = next;
    const { name = "", namespace } = pod.metadata;
    const text = JSON.stringify(status);
    try {
      if (written.get(uid) !== text) {
        // Made of JSON only; a uid that is not the object's makes the patch fail.
        const body = { metadata: { uid }, status: withoutOld(status, pod.status) } as unknown as JsonValue;
        await client.patch(
          podKind,
          { namespace, name },
          { type: "strategic", subresource: "status", body, fieldManager: "kubelet" },
          signal,
        );
        written.set(uid, text);
      }
      if (!isOver) return;
      await client.delete(podKind, { namespace, name }, { gracePeriodSeconds: 0, uid }, signal);
      deleted.add(uid);
    } catch (error) {
      // It is gone (a node may not even ask then), or another one has its name.
      const final = isOver ? [403, 404, 409] : [404, 409];
      if (!isApiError(error) || !final.includes(error.code)) throw error;
    }
  }

  return {
    set(pod, status, isOver) {
      const uid = pod.metadata.uid ?? "";
      const known = wanted.get(uid);
      if (known !== undefined && known.isOver === isOver && JSON.stringify(known.status) === JSON.stringify(status)) {
        return;
      }
      wanted.set(uid, { pod, status, isOver });
      queue.add(uid);
    },
    last: (uid) => wanted.get(uid)?.status,
    forget(uid) {
      wanted.delete(uid);
      written.delete(uid);
      deleted.delete(uid);
    },
    [Symbol.asyncDispose]: () => queue[Symbol.asyncDispose](),
  };
}

/** A patch takes away only what it names; lists of addresses it would merge, a sandbox's that is gone with the new one's. */
export function withoutOld(status: PodStatus, old: PodStatus = {}): object {
  const gone = ["reason", "message", "podIP"] as const;
  const removed = gone.filter((name) => old[name] && status[name] === undefined).map((name) => [name, null] as const);
  const lists = (["podIPs", "hostIPs"] as const)
    .filter((name) => old[name] !== undefined && status[name] !== undefined)
    .map((name) => [name, [{ $patch: "replace" }, ...(status[name] ?? [])]] as const);
  return { ...status, ...Object.fromEntries(removed), ...Object.fromEntries(lists) };
}
