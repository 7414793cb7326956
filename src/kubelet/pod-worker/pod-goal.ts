/** What a pod is to become: running, stopped (deleted, done, out of time), or gone without a trace. */
import type { Pod } from "#api/kinds/pod/pod.ts";
import { drainUntilMs, findDrained } from "#api/programmed/drain.ts";
import { isAlive, newestInstance, type PodView, podContainers } from "./pod-view.ts";
import { shouldRestart } from "./restart.ts";

export type PodGoal =
  /** `deadlineMs`: when activeDeadlineSeconds end, in milliseconds since 1970. */
  | { readonly type: "running"; readonly pod: Pod; readonly deadlineMs: number | undefined }
  /** Deleted, and runs on as it is until nobody is sent to it any more; `untilMs`: at the latest. */
  | { readonly type: "draining"; readonly untilMs: number }
  | { readonly type: "stopped"; readonly why: "deleted" | "ended" | "deadline" | "terminal" }
  | { readonly type: "gone" };

export function goalOf(view: PodView): PodGoal {
  const { pod, isGone, nowMs } = view;
  if (isGone || pod === undefined) return { type: "gone" };
  if (pod.metadata.deletionTimestamp !== undefined) {
    const untilMs = undrainedUntilMs(view) ?? 0;
    return nowMs < untilMs ? { type: "draining", untilMs } : { type: "stopped", why: "deleted" };
  }
  if (pod.status?.phase === "Failed" || pod.status?.phase === "Succeeded") return { type: "stopped", why: "terminal" };
  const deadlineMs = deadlineOf(pod, view);
  if (deadlineMs !== undefined && nowMs >= deadlineMs) return { type: "stopped", why: "deadline" };
  if (hasEnded(view, pod)) return { type: "stopped", why: "ended" };
  return { type: "running", pod, deadlineMs };
}

/** Until when a deleted pod waits, or should have waited, for nodes that have not all said that they have dropped it. */
export function undrainedUntilMs({ pod, runtime, memory, nowMs }: PodView): number | undefined {
  if (pod === undefined || findDrained(pod)?.status === "True" || !runtime.containers.some(isAlive)) return undefined;
  return drainUntilMs(pod, memory.stoppingSinceMs ?? nowMs);
}

function deadlineOf({ spec, status }: Pod, { memory }: PodView): number | undefined {
  if (spec.activeDeadlineSeconds === undefined) return undefined;
  const sinceMs = status?.startTime === undefined ? memory.acceptedAtMs : Date.parse(status.startTime);
  return sinceMs + spec.activeDeadlineSeconds * 1000;
}

/** Nothing of it will ever run again. */
function hasEnded({ runtime }: PodView, pod: Pod): boolean {
  const states = podContainers(pod).map((container) => {
    const last = newestInstance(runtime, container.spec.name);
    const isOver = last?.state === "exited" && !shouldRestart(pod, container.role, last);
    return { ...container, last, isOver };
  });
  if (states.some(({ role, isOver, last }) => role === "init" && isOver && last?.exitCode !== 0)) return true;
  return states.filter(({ role }) => role === "app").every(({ isOver }) => isOver);
}
