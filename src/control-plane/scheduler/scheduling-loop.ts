/**
 * Takes pods from the queue one after the other, decides, and writes what was decided: bindings, events and
 * conditions. Decisions do not wait for writes; a binding that fails gives its room back and the pod is tried again.
 */
import { isApiError } from "#api/api-error.ts";
import { type Pod, pod as podKind } from "#api/kinds/pod/pod.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import type { EventRecorder } from "#api-client/event-recorder.ts";
import { withDeadline } from "#api-client/with-deadline.ts";
import type { JsonValue } from "#base/json.ts";
import { type NotScheduledReason, planNotScheduled } from "./pod-scheduled-condition.ts";
import type { Attempt, SchedulingQueue } from "./queue/scheduling-queue.ts";
import { schedulePod } from "./schedule-pod.ts";
import type { ClusterState } from "./state/cluster-state.ts";
import { unschedulableText } from "./unschedulable-text.ts";

export interface SchedulingLoopDeps {
  readonly queue: SchedulingQueue;
  readonly cluster: ClusterState;
  readonly client: Pick<ApiClient, "createSubresource" | "patch">;
  readonly events: Pick<EventRecorder, "record">;
  /** The pod as it is now; undefined when it needs no node any more. */
  findWaiting(pod: Pod): Pod | undefined;
  readonly now: () => Date;
  onError(pod: Pod, error: unknown): void;
}

export interface SchedulingLoop extends AsyncDisposable {
  /** There may be something to do. */
  wake(): void;
  /** Writes the condition of a pod that is not to be scheduled yet. */
  tellGated(pod: Pod, message: string): void;
}

/** Writes under way; the next decision waits when there are so many. */
const MAX_WRITES = 64;
const WRITE_TIMEOUT_MS = 30_000;
/** So long at once; then others get their turn. */
const SLICE_MS = 10;

export function startSchedulingLoop(deps: SchedulingLoopDeps): SchedulingLoop {
  const { queue, cluster, client, events, now } = deps;
  const stop = new AbortController();
  const writes = new Set<Promise<void>>();
  let nextRun: NodeJS.Immediate | undefined;
  let timer: NodeJS.Timeout | undefined;

  function wake(): void {
    if (stop.signal.aborted) return;
    nextRun ??= setImmediate(run);
  }

  function run(): void {
    nextRun = undefined;
    clearTimeout(timer);
    queue.wakeDue();
    const end = performance.now() + SLICE_MS;
    while (writes.size < MAX_WRITES) {
      const attempt = queue.pop();
      if (attempt === undefined) break;
      decide(attempt);
      if (performance.now() > end) {
        wake();
        return;
      }
    }
    const dueInMs = queue.dueInMs();
    if (dueInMs !== undefined) timer = setTimeout(wake, Math.max(1, Math.ceil(dueInMs))).unref();
  }

  function decide(attempt: Attempt): void {
    const { pod } = attempt;
    try {
      const scheduling = schedulePod(pod, cluster);
      if ("node" in scheduling) {
        cluster.assume(pod, scheduling.node);
        track(pod, bind(attempt, scheduling.node));
      } else {
        queue.park(attempt, scheduling.unschedulable.helpedBy);
        track(pod, report(pod, "Unschedulable", unschedulableText(scheduling.unschedulable)));
      }
    } catch (error) {
      // What cannot be read of one pod must not keep others waiting.
      queue.retry(attempt);
      track(pod, report(pod, "SchedulerError", messageOf(error)));
    }
  }

  async function bind(attempt: Attempt, nodeName: string): Promise<void> {
    const { pod } = attempt;
    try {
      await withDeadline(WRITE_TIMEOUT_MS, stop.signal, (signal) =>
        client.createSubresource(podKind, nameOf(pod), "binding", bindingOf(pod, nodeName), signal),
      );
    } catch (error) {
      if (stop.signal.aborted) return;
      await giveBack(attempt, error);
      return;
    }
    const { namespace, name } = nameOf(pod);
    const message = `Successfully assigned ${namespace}/${name} to ${nodeName}`;
    events.record(pod, { type: "Normal", reason: "Scheduled", message });
  }

  async function giveBack({ pod, number }: Attempt, error: unknown): Promise<void> {
    if (cluster.forget(pod)) queue.notify("PodRemoved");
    const current = deps.findWaiting(pod);
    if (current === undefined) return;
    queue.retry({ pod: current, number });
    if (!isApiError(error, "NotFound")) await report(current, "SchedulerError", messageOf(error));
  }

  async function report(pod: Pod, reason: "Unschedulable" | "SchedulerError", message: string): Promise<void> {
    events.record(pod, { type: "Warning", reason: "FailedScheduling", message });
    await tell(pod, reason, message);
  }

  async function tell(pod: Pod, reason: NotScheduledReason, message: string): Promise<void> {
    const body = planNotScheduled(pod, { reason, message }, now());
    if (body === undefined) return;
    await withDeadline(WRITE_TIMEOUT_MS, stop.signal, (signal) =>
      client.patch(podKind, nameOf(pod), { type: "strategic", body, subresource: "status" }, signal),
    );
  }

  function track(pod: Pod, write: Promise<void>): void {
    const done = write
      .catch((error) => {
        // Who deletes a pod does not wait for us.
        if (!stop.signal.aborted && !isApiError(error, "NotFound")) deps.onError(pod, error);
      })
      .finally(() => {
        writes.delete(done);
        wake();
      });
    writes.add(done);
  }

  wake();
  return {
    wake,
    tellGated: (pod, message) => track(pod, tell(pod, "SchedulingGated", message)),
    async [Symbol.asyncDispose]() {
      stop.abort(new Error("The scheduler was stopped"));
      clearImmediate(nextRun);
      clearTimeout(timer);
      await Promise.all(writes);
    },
  };
}

function nameOf({ metadata: { namespace = "", name = "" } }: Pod) {
  return { namespace, name };
}

function bindingOf(pod: Pod, nodeName: string): JsonValue {
  const { uid } = pod.metadata;
  return {
    apiVersion: "v1",
    kind: "Binding",
    metadata: { ...nameOf(pod), ...(uid !== undefined && { uid }) },
    target: { apiVersion: "v1", kind: "Node", name: nodeName },
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
