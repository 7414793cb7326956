/**
 * Whether and when an ended container starts again. The pause after a failure is 10 s, doubled with each restart up to
 * 5 min, and forgotten when the container has run for 10 min; the first restart comes at once.
 * Each instance carries the pause of its successor, so that a restart of the kubelet loses nothing.
 * Source: Kubernetes documentation, "Pod Lifecycle", "Container restart policy".
 */
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { ContainerInstance, ContainerRole } from "./pod-view.ts";

const FIRST_MS = 10_000;
const LONGEST_MS = 300_000;
const FORGOTTEN_AFTER_MS = 600_000;

export function shouldRestart(pod: Pod, role: ContainerRole, ended: ContainerInstance): boolean {
  const policy = pod.spec.restartPolicy ?? "Always";
  switch (role) {
    case "sidecar":
      return true;
    case "ephemeral":
      return false;
    case "init":
      return ended.exitCode !== 0 && policy !== "Never";
    case "app":
      return policy === "Always" || (policy === "OnFailure" && ended.exitCode !== 0);
    default:
      return role satisfies never;
  }
}

/** In milliseconds since 1970. */
export function restartAtMs(ended: ContainerInstance): number {
  return ended.finishedAtMs + pauseAfterMs(ended);
}

/** What an instance carries that follows this one. */
export function nextBackOffMs(ended: ContainerInstance | undefined): number {
  if (ended === undefined) return 0;
  const before = pauseAfterMs(ended);
  return before === 0 ? FIRST_MS : Math.min(LONGEST_MS, before * 2);
}

export function pauseAfterMs({ startedAtMs, finishedAtMs, backOffMs }: ContainerInstance): number {
  return startedAtMs > 0 && finishedAtMs - startedAtMs > FORGOTTEN_AFTER_MS ? 0 : backOffMs;
}
