/**
 * What to do next for one pod: from how it should be and how it is to a few actions. Level-triggered: after they were
 * tried, whether they failed or not, the next plan is made from what is there then. Nothing to do and nothing to wait
 * for is the goal. Source: Kubernetes documentation, "Pod Lifecycle", "Init Containers", "Sidecar Containers".
 */
import type { Container } from "#api/kinds/pod/container.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import { goalOf } from "./pod-goal.ts";
import {
  type ContainerInstance,
  isAlive,
  newestInstance,
  type PodContainer,
  type PodView,
  podContainers,
  type SandboxState,
} from "./pod-view.ts";
import { nextBackOffMs, restartAtMs, shouldRestart } from "./restart.ts";

export interface ContainerStop {
  readonly instance: ContainerInstance;
  /** Seconds for preStop and the stop signal together, before SIGKILL. */
  readonly graceSeconds: number;
  readonly why: "pod" | "liveness" | "startup" | "sandbox" | "changed" | "unknown";
}

export type PodAction =
  | { readonly type: "createSandbox"; readonly attempt: number }
  /** Kills what still runs in it. */
  | { readonly type: "stopSandbox"; readonly sandboxId: string }
  | { readonly type: "removeSandbox"; readonly sandboxId: string }
  | {
      readonly type: "startContainer";
      readonly container: PodContainer;
      readonly sandboxId: string;
      readonly attempt: number;
      readonly backOffMs: number;
    }
  /** All at once. */
  | { readonly type: "stopContainers"; readonly stops: readonly ContainerStop[] }
  | { readonly type: "removeContainer"; readonly containerId: string };

export interface PodPlan {
  /** In order. */
  readonly actions: readonly PodAction[];
  /** When to plan again although nothing has happened; milliseconds since 1970. */
  readonly wakeAtMs: number | undefined;
}

/** Kubernetes' least time for containers whose pod has used up its own. */
const LEAST_GRACE_SECONDS = 2;
const DEFAULT_GRACE_SECONDS = 30;

export function planPod(view: PodView): PodPlan {
  const goal = goalOf(view);
  switch (goal.type) {
    case "gone":
      return { actions: planRemoval(view), wakeAtMs: undefined };
    case "draining":
      return { actions: [], wakeAtMs: goal.untilMs };
    case "stopped":
      return { actions: planStop(view), wakeAtMs: undefined };
    case "running": {
      const { actions, wakeAtMs } = planRun(view, goal.pod);
      return { actions, wakeAtMs: earliest(wakeAtMs, goal.deadlineMs) };
    }
    default:
      return goal satisfies never;
  }
}

/** Applications first, then sidecars in reverse order of their start, then the sandboxes. */
export function planStop(view: PodView): readonly PodAction[] {
  const { pod, runtime, memory } = view;
  const alive = runtime.containers.filter(isAlive);
  const sidecars = pod === undefined ? [] : podContainers(pod).filter(({ role }) => role === "sidecar");
  const names = sidecars.map(({ spec }) => spec.name);
  const first = alive.filter(({ name }) => !names.includes(name));
  if (first.length > 0) return [stopAction(first, view)];
  const last = names.findLast((name) => alive.some((instance) => instance.name === name));
  if (last !== undefined) {
    const instances = alive.filter(({ name }) => name === last);
    return [stopAction(instances, view)];
  }
  return runtime.sandboxes
    .filter(({ id, isReady }) => isReady || !memory.stoppedSandboxes.has(id))
    .map(({ id }) => ({ type: "stopSandbox", sandboxId: id }));
}

function planRemoval(view: PodView): readonly PodAction[] {
  const stops = planStop(view);
  if (stops.length > 0) return stops;
  const { sandboxes, containers } = view.runtime;
  const known = new Set(sandboxes.map(({ id }) => id));
  return [
    ...containers
      .filter(({ sandboxId }) => !known.has(sandboxId))
      .map(({ id }) => ({ type: "removeContainer", containerId: id }) as const),
    ...sandboxes.map(({ id }) => ({ type: "removeSandbox", sandboxId: id }) as const),
  ];
}

function stopAction(instances: readonly ContainerInstance[], view: PodView): PodAction {
  const stops = instances.map((instance) => ({ instance, graceSeconds: graceOf(instance, view), why: "pod" }) as const);
  return { type: "stopContainers", stops };
}

/** What is left of the pod's time. */
function graceOf(instance: ContainerInstance, { pod, memory, nowMs }: PodView): number {
  const whole =
    pod?.metadata.deletionGracePeriodSeconds ?? pod?.spec.terminationGracePeriodSeconds ?? instance.graceSeconds;
  if (whole === 0) return 0;
  const usedMs = memory.stoppingSinceMs === undefined ? 0 : Math.max(0, nowMs - memory.stoppingSinceMs);
  return Math.max(LEAST_GRACE_SECONDS, Math.ceil(whole - usedMs / 1000));
}

function planRun(view: PodView, pod: Pod): PodPlan {
  const { runtime, memory, nowMs } = view;
  const [sandbox, ...older] = runtime.sandboxes;
  const elsewhere = runtime.containers.filter(
    (instance) =>
      isAlive(instance) &&
      (sandbox?.isReady !== true ||
        instance.sandboxId !== sandbox.id ||
        // Two of one name: nobody would look after the older one.
        newestInstance(runtime, instance.name) !== instance),
  );
  if (elsewhere.length > 0) {
    const stops = elsewhere.map((instance) => ({
      instance,
      graceSeconds: pod.spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS,
      why: "sandbox" as const,
    }));
    return { actions: [{ type: "stopContainers", stops }], wakeAtMs: undefined };
  }
  const stops = older.filter(({ id, isReady }) => isReady || !memory.stoppedSandboxes.has(id)).map(stopOf);
  if (stops.length > 0) return { actions: stops, wakeAtMs: undefined };
  if (sandbox?.isReady === true) return planContainers(view, pod, sandbox);
  // Its network must be gone before there is another one.
  if (sandbox !== undefined && !memory.stoppedSandboxes.has(sandbox.id)) {
    return { actions: [stopOf(sandbox)], wakeAtMs: undefined };
  }
  if (nowMs < memory.sandboxRetryAtMs) return { actions: [], wakeAtMs: memory.sandboxRetryAtMs };
  const attempt = Math.max((sandbox?.attempt ?? -1) + 1, memory.sandboxFailures);
  return { actions: [{ type: "createSandbox", attempt }], wakeAtMs: undefined };
}

function stopOf({ id }: SandboxState): PodAction {
  return { type: "stopSandbox", sandboxId: id };
}

function planContainers(view: PodView, pod: Pod, sandbox: SandboxState): PodPlan {
  const stops = [...unknownStops(view, pod), ...unhealthyStops(view, pod), ...changedStops(view, pod)];
  if (stops.length > 0) return { actions: [{ type: "stopContainers", stops }], wakeAtMs: undefined };
  const actions: PodAction[] = [...planGarbage(view, sandbox)];
  let wakeAtMs: number | undefined;
  const start = (container: PodContainer): void => {
    const { spec, role } = container;
    const last = newestInstance(view.runtime, spec.name);
    const isSame = last?.sandboxId === sandbox.id;
    const retryAtMs = view.memory.waiting.get(spec.name)?.retryAtMs ?? 0;
    // In a new sandbox everything starts anew, except what must not run twice.
    const waitUntilMs = Math.max(retryAtMs, last !== undefined && isSame ? restartAtMs(last) : 0);
    if (view.nowMs < waitUntilMs) {
      wakeAtMs = earliest(wakeAtMs, waitUntilMs);
      return;
    }
    if (last?.state === "created") {
      // A kubelet was killed before it started it: that was no run, and the next one is no restart.
      actions.push({ type: "removeContainer", containerId: last.id });
      const { attempt, backOffMs } = last;
      actions.push({ type: "startContainer", container, sandboxId: sandbox.id, attempt, backOffMs });
      return;
    }
    const attempt = (last?.attempt ?? -1) + 1;
    const backOffMs = isSame || role !== "init" ? nextBackOffMs(last) : 0;
    actions.push({ type: "startContainer", container, sandboxId: sandbox.id, attempt, backOffMs });
  };

  if (isInitialized(view, pod, sandbox)) {
    for (const container of podContainers(pod)) {
      if (container.role !== "init" && mustStart(view, pod, container, sandbox)) start(container);
    }
  } else {
    // Sidecars that came before and ended start again, whatever is waited for.
    for (const container of podContainers(pod)) {
      if (mustStart(view, pod, container, sandbox)) start(container);
      if (blocksStart(view, container, sandbox)) break;
    }
  }
  return { actions, wakeAtMs };
}

/** All init containers are done, and all sidecars have started: applications may run. */
export function isInitialized(view: PodView, pod: Pod, sandbox: SandboxState): boolean {
  const containers = podContainers(pod);
  const apps = new Set(pod.spec.containers.map(({ name }) => name));
  const hasBegun = view.runtime.containers.some(({ name, sandboxId }) => sandboxId === sandbox.id && apps.has(name));
  return hasBegun || !containers.some((container) => blocksStart(view, container, sandbox));
}

/** The containers behind it have to wait. */
function blocksStart(view: PodView, { role, spec }: PodContainer, sandbox: SandboxState): boolean {
  if (role !== "init" && role !== "sidecar") return false;
  const last = newestInstance(view.runtime, spec.name);
  if (last?.sandboxId !== sandbox.id) return true;
  if (role === "init") return last.state !== "exited" || last.exitCode !== 0;
  return last.state !== "running" || !view.memory.started.has(last.id);
}

function mustStart(view: PodView, pod: Pod, { role, spec }: PodContainer, sandbox: SandboxState): boolean {
  const last = newestInstance(view.runtime, spec.name);
  if (last === undefined) return true;
  if (isAlive(last)) return false;
  // It has never run: nobody knows whether all of it was made.
  if (last.state === "created") return true;
  if (role === "init" && last.sandboxId !== sandbox.id) return true;
  if (role !== "init" && role !== "ephemeral" && isChanged(last, spec)) return true;
  return shouldRestart(pod, role, last);
}

function isChanged({ wantedImage }: ContainerInstance, { image }: Container): boolean {
  return wantedImage !== "" && wantedImage !== image;
}

/** Images are the part of a pod that can be changed while it runs. */
function changedStops({ runtime }: PodView, pod: Pod): readonly ContainerStop[] {
  return podContainers(pod).flatMap(({ role, spec }) => {
    const last = newestInstance(runtime, spec.name);
    if (role === "init" || role === "ephemeral" || last === undefined) return [];
    if (!isAlive(last) || !isChanged(last, spec)) return [];
    const graceSeconds = pod.spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS;
    return [{ instance: last, graceSeconds, why: "changed" as const }];
  });
}

/** The runtime has lost sight of them: nobody would hear of their end. */
function unknownStops({ runtime }: PodView, pod: Pod): readonly ContainerStop[] {
  const graceSeconds = pod.spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS;
  return runtime.containers
    .filter(({ state }) => state === "unknown")
    .map((instance) => ({ instance, graceSeconds, why: "unknown" }));
}

function unhealthyStops({ runtime, memory }: PodView, pod: Pod): readonly ContainerStop[] {
  return runtime.containers.flatMap((instance) => {
    const verdict = memory.unhealthy.get(instance.id);
    if (verdict === undefined || !isAlive(instance)) return [];
    const graceSeconds = verdict.graceSeconds ?? pod.spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS;
    return [{ instance, graceSeconds, why: verdict.probe }];
  });
}

/** Of each container the newest instance stays, and the newest ended one, for its log. */
function planGarbage({ runtime }: PodView, current: SandboxState): readonly PodAction[] {
  const kept = new Set<string>();
  const names = new Set(runtime.containers.map(({ name }) => name));
  for (const name of names) {
    const instances = runtime.containers.filter((instance) => instance.name === name);
    const [newest] = instances;
    const ended = instances.find(({ state }) => state === "exited");
    for (const each of [newest, ended]) if (each !== undefined) kept.add(each.id);
  }
  const removed = runtime.containers.filter((instance) => !kept.has(instance.id) && !isAlive(instance));
  const used = new Set(runtime.containers.filter(({ id }) => kept.has(id)).map(({ sandboxId }) => sandboxId));
  return [
    ...removed.map(({ id }) => ({ type: "removeContainer", containerId: id }) as const),
    ...runtime.sandboxes
      .filter(({ id }) => id !== current.id && !used.has(id))
      .map(({ id }) => ({ type: "removeSandbox", sandboxId: id }) as const),
  ];
}

export function earliest(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined) return other;
  return other === undefined ? one : Math.min(one, other);
}
