/**
 * How a pod's containers are, as the API shows it. Reasons are the ones that people search for: ContainerCreating,
 * PodInitializing, CrashLoopBackOff, ErrImagePull, Completed, Error. Source: Kubernetes API reference, ContainerStatus.
 */
import type { ContainerState, ContainerStatus } from "#api/kinds/pod/container-status.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import {
  type ContainerInstance,
  newestInstance,
  type PodContainer,
  type PodView,
  podContainers,
} from "../pod-worker/pod-view.ts";
import { pauseAfterMs, restartAtMs, shouldRestart } from "../pod-worker/restart.ts";

export interface ContainerStatuses {
  readonly init: readonly ContainerStatus[];
  readonly app: readonly ContainerStatus[];
  readonly ephemeral: readonly ContainerStatus[];
}

export function containerStatuses(view: PodView, pod: Pod, isInitialized: boolean): ContainerStatuses {
  const all = podContainers(pod).map((container) => ({
    role: container.role,
    status: containerStatus(view, pod, container, isInitialized),
  }));
  const of = (...roles: readonly string[]): readonly ContainerStatus[] =>
    all.filter(({ role }) => roles.includes(role)).map(({ status }) => status);
  return { init: of("init", "sidecar"), app: of("app"), ephemeral: of("ephemeral") };
}

function containerStatus(view: PodView, pod: Pod, container: PodContainer, isInitialized: boolean): ContainerStatus {
  const { spec, role } = container;
  const { name, image = "" } = spec;
  const last = newestInstance(view.runtime, name);
  const state = stateOf(view, pod, container, isInitialized);
  const isRunning = state.running !== undefined;
  const isStarted = last !== undefined && isRunning && view.memory.started.has(last.id);
  const isDone = role === "init" && state.terminated?.exitCode === 0;
  const before = view.runtime.containers.find(
    (each) => each.name === name && each.state === "exited" && (each !== last || state.terminated === undefined),
  );
  return {
    name,
    state,
    lastState: before === undefined ? {} : { terminated: terminated(before) },
    ready: isDone || (isStarted && last !== undefined && view.memory.ready.has(last.id)),
    restartCount: last?.attempt ?? 0,
    image: last?.image || image,
    imageID: last?.imageRef ?? "",
    ...(last !== undefined && { containerID: containerIdText(last) }),
    started: isStarted,
  };
}

function stateOf(view: PodView, pod: Pod, container: PodContainer, isInitialized: boolean): ContainerState {
  const { runtime, memory, nowMs } = view;
  const { spec, role } = container;
  const last = newestInstance(runtime, spec.name);
  if (last?.state === "running") return { running: { startedAt: timeText(last.startedAtMs) } };
  const waiting = memory.waiting.get(spec.name);
  const isEnding = pod.metadata.deletionTimestamp !== undefined || isTerminal(pod);
  if (last === undefined || last.state === "created") {
    if (waiting !== undefined) return { waiting: { reason: waiting.reason, message: waiting.message } };
    const isBehind = (pod.spec.initContainers ?? []).length > 0 && !isInitialized && !isNext(view, pod, container);
    return { waiting: { reason: isBehind ? "PodInitializing" : "ContainerCreating" } };
  }
  const willRestart = !isEnding && shouldRestart(pod, role, last);
  if (!willRestart) return { terminated: terminated(last) };
  if (waiting !== undefined) return { waiting: { reason: waiting.reason, message: waiting.message } };
  if (nowMs < restartAtMs(last)) return { waiting: crashLoop(pod, last) };
  return { terminated: terminated(last) };
}

/** The init container whose turn it is. */
function isNext({ runtime }: PodView, pod: Pod, { spec }: PodContainer): boolean {
  const next = (pod.spec.initContainers ?? []).find((each) => newestInstance(runtime, each.name) === undefined);
  return next?.name === spec.name && runtime.sandboxes[0]?.isReady === true;
}

export function isTerminal({ status }: Pod): boolean {
  return status?.phase === "Failed" || status?.phase === "Succeeded";
}

function crashLoop(pod: Pod, ended: ContainerInstance): { readonly reason: string; readonly message: string } {
  return { reason: "CrashLoopBackOff", message: backOffText(pod, ended) };
}

/** As kubectl shows it: `back-off 10s restarting failed container=web pod=web_default(uid)`. */
export function backOffText({ metadata }: Pod, ended: ContainerInstance): string {
  const pod = `${metadata.name}_${metadata.namespace}(${metadata.uid})`;
  const pause = durationText(pauseAfterMs(ended));
  return `back-off ${pause} restarting failed container=${ended.name} pod=${pod}`;
}

/** Go's way: 10s, 1m20s, 5m0s. */
export function durationText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}

function terminated(ended: ContainerInstance): NonNullable<ContainerState["terminated"]> {
  const { exitCode, reason, message, startedAtMs, finishedAtMs } = ended;
  return {
    exitCode,
    reason: reason || (exitCode === 0 ? "Completed" : "Error"),
    ...(message !== "" && { message }),
    ...(startedAtMs > 0 && { startedAt: timeText(startedAtMs) }),
    ...(finishedAtMs > 0 && { finishedAt: timeText(finishedAtMs) }),
    containerID: containerIdText(ended),
  };
}

function containerIdText({ id }: ContainerInstance): string {
  return `containerd://${id}`;
}

/** Whole seconds, as the API has times. */
export function timeText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
