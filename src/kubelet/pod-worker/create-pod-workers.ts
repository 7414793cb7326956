/**
 * One worker for each pod: observe, report, plan, act, until nothing is left to do. Pods do not wait for each other; what
 * one waits for (an event of the runtime, a probe's verdict, a new version of its object, an hour) only puts its key
 * into the queue again.
 */
import type { Pod } from "#api/kinds/pod/pod.ts";
import { DRAINED, findDrained } from "#api/programmed/drain.ts";
import { createWorkQueue } from "#api-client/create-work-queue.ts";
import type { LogRotator } from "../logs/create-log-rotator.ts";
import type { Probed, Prober } from "../probes/create-prober.ts";
import { isTerminal } from "../status/container-statuses.ts";
import { referencesOf } from "../volumes/create-config-reader.ts";
import type { ConfigWatcher } from "../volumes/create-config-watcher.ts";
import { VolumeError } from "../volumes/pod-volumes.ts";
import { type ActionDeps, applyAction, SandboxError } from "./apply-action.ts";
import { type LastWords, observePod } from "./observe-pod.ts";
import { earliest, type PodAction, planPod } from "./plan-pod.ts";
import { goalOf, undrainedUntilMs } from "./pod-goal.ts";
import {
  emptyMemory,
  newestInstance,
  type PodMemory,
  type PodRuntimeState,
  type PodView,
  podContainers,
  type Waiting,
} from "./pod-view.ts";
import { restartAtMs } from "./restart.ts";
import { CONFIG_ERROR, StartError } from "./start-container.ts";

export interface PodWorkersDeps extends ActionDeps {
  readonly prober: Prober;
  readonly logs: Pick<LogRotator, "follow">;
  readonly configs: Pick<ConfigWatcher, "follow" | "forget">;
  readonly lastWords: LastWords;
  /** How the pod is now; `isOver`: nothing of it runs and its volumes are gone. */
  report(view: PodView, pod: Pod, isOver: boolean): void;
  /** Whose containers and sandboxes these are, for events of the runtime. */
  learn(uid: string, runtime: PodRuntimeState): void;
  /** There is nothing left of it. */
  forget(uid: string): void;
  onError(uid: string, error: unknown): void;
}

export interface PodWorkers extends AsyncDisposable {
  /** A pod as the API has it. */
  set(pod: Pod): void;
  /** The API has it no more, or never had. */
  remove(uid: string, identity: PodIdentity | undefined): void;
  /** Something happened to it. */
  wake(uid: string): void;
  /** What it names has changed: its files are made anew, and what waited for it is tried at once. */
  refresh(uid: string): void;
  /** Pods that could not get a sandbox try it at once. */
  retrySandboxes(): void;
  uids(): Iterable<string>;
}

type MutableMemory = Omit<PodMemory, "waiting" | "stoppedSandboxes" | "started" | "ready" | "unhealthy"> & {
  readonly waiting: Map<string, Waiting>;
  readonly stoppedSandboxes: Set<string>;
};
type Writable<T> = { -readonly [K in keyof T]: T[K] };

export interface PodIdentity {
  readonly namespace: string;
  readonly name: string;
}

interface Entry {
  identity: PodIdentity | undefined;
  pod: Pod | undefined;
  isGone: boolean;
  readonly memory: Writable<MutableMemory>;
  /** Instances whose back-off was told, and that nodes are late. */
  readonly told: Set<string>;
  readonly preStopped: Set<string>;
  /** Files of its volumes may not be what the API has. */
  isStale: boolean;
  /** Ends what is under way, since the pod's end has come nearer. */
  interrupt: AbortController;
}

/** A pod waits for itself only: as many as a node has. */
const WORKERS = 500;
/** More rounds in a row than any pod needs: it makes no progress. */
const MAX_ROUNDS = 60;
const FIRST_SANDBOX_RETRY_MS = 1_000;
const LAST_SANDBOX_RETRY_MS = 15_000;
const REFRESH_TIMEOUT_MS = 60_000;
/** Of files that could not be made anew. */
const REFRESH_RETRY_MS = 30_000;

export function createPodWorkers(deps: PodWorkersDeps): PodWorkers {
  const { prober, tell } = deps;
  const entries = new Map<string, Entry>();
  const queue = createWorkQueue({ name: "pods", workers: WORKERS, work, onError: deps.onError });

  function entryOf(uid: string): Entry {
    const known = entries.get(uid);
    if (known !== undefined) return known;
    const { started, ready, unhealthy, ...memory } = emptyMemory(Date.now());
    const entry: Entry = {
      identity: undefined,
      pod: undefined,
      isGone: false,
      memory: { ...memory, waiting: new Map(), stoppedSandboxes: new Set() },
      told: new Set(),
      preStopped: new Set(),
      isStale: false,
      interrupt: new AbortController(),
    };
    entries.set(uid, entry);
    return entry;
  }

  function viewOf(uid: string, entry: Entry, runtime: PodRuntimeState): PodView {
    const { pod, isGone, memory } = entry;
    return { pod, isGone, runtime, memory: { ...memory, ...prober.verdicts(uid) }, nowMs: Date.now() };
  }

  async function work(uid: string, signal: AbortSignal): Promise<void> {
    const entry = entryOf(uid);
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      entry.interrupt = new AbortController();
      const current = AbortSignal.any([signal, entry.interrupt.signal]);
      const runtime = await observePod(deps, uid, signal);
      deps.learn(uid, runtime);
      follow(uid, entry, runtime);
      const isEnding = goalOf(viewOf(uid, entry, runtime)).type !== "running";
      if (isEnding) entry.memory.stoppingSinceMs ??= Date.now();
      const view = viewOf(uid, entry, runtime);
      const { actions, wakeAtMs } = planPod(view);
      tellBackOffs(entry, view);
      tellUndrained(entry, view);
      if (actions.length === 0) {
        await settle(uid, entry, view, wakeAtMs);
        return;
      }
      if (entry.pod !== undefined && !entry.isGone) deps.report(view, entry.pod, false);
      for (const action of actions) {
        const isDone = await attempt(uid, entry, action, runtime, current);
        signal.throwIfAborted();
        if (!isDone) break;
      }
    }
    throw new Error(`Cannot bring pod "${uid}" to its goal: ${MAX_ROUNDS} steps did not suffice`);
  }

  /** Gives false when the next plan should be made at once. */
  async function attempt(
    uid: string,
    { pod, memory, preStopped }: Entry,
    action: PodAction,
    runtime: PodRuntimeState,
    signal: AbortSignal,
  ): Promise<boolean> {
    try {
      await applyAction(deps, action, { uid, pod, runtime, preStopped, signal });
      if (action.type === "stopSandbox") memory.stoppedSandboxes.add(action.sandboxId);
      if (action.type === "startContainer") memory.waiting.delete(action.container.spec.name);
      if (action.type === "createSandbox") memory.sandboxFailures = 0;
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      if (action.type === "createSandbox" && (error instanceof SandboxError || error instanceof VolumeError)) {
        if (error instanceof VolumeError) tell(pod, { type: "Warning", reason: "FailedMount", message: error.message });
        const pauseMs = Math.min(LAST_SANDBOX_RETRY_MS, FIRST_SANDBOX_RETRY_MS * 2 ** memory.sandboxFailures);
        memory.sandboxFailures += 1;
        memory.sandboxRetryAtMs = Date.now() + pauseMs;
        return false;
      }
      if (action.type === "startContainer" && error instanceof StartError) {
        const { reason, message, retryAtMs } = error;
        // What was started and ended shows that itself.
        if (retryAtMs > 0) memory.waiting.set(action.container.spec.name, { reason, message, retryAtMs });
        else memory.waiting.delete(action.container.spec.name);
        return true;
      }
      throw error;
    }
  }

  async function settle(uid: string, entry: Entry, view: PodView, wakeAtMs: number | undefined): Promise<void> {
    const { pod } = entry;
    const goal = goalOf(view);
    if (goal.type === "gone") {
      prober.follow(uid, []);
      await deps.files.removeVolumes(uid);
      if (entry.identity !== undefined) await deps.files.removeLogs({ ...entry.identity, uid });
      deps.logs.follow(uid, []);
      deps.configs.forget(uid);
      deps.puller.forget(uid);
      entries.delete(uid);
      deps.forget(uid);
      return;
    }
    if (pod === undefined) return;
    const isOver = goal.type === "stopped" && goal.why === "deleted";
    if (isOver) await deps.files.removeVolumes(uid);
    deps.report(view, pod, isOver);
    if (goal.type === "stopped") return;
    const isFresh = goal.type === "running" && view.runtime.sandboxes[0]?.isReady === true;
    const refreshAtMs = isFresh ? await refreshVolumes(uid, entry, pod) : undefined;
    const nextMs = earliest(wakeAtMs, refreshAtMs);
    if (nextMs !== undefined) queue.addAfter(uid, Math.max(1, nextMs - Date.now()));
  }

  /** Gives when to do it again; milliseconds since 1970. */
  async function refreshVolumes(uid: string, entry: Entry, pod: Pod): Promise<number | undefined> {
    const isDue = Date.now() >= (deps.files.renewAtMs(uid) ?? Number.POSITIVE_INFINITY);
    if (entry.isStale || isDue) {
      entry.isStale = false;
      try {
        await deps.files.ensureVolumes(pod, AbortSignal.timeout(REFRESH_TIMEOUT_MS));
      } catch (error) {
        // The containers keep what they have.
        if (error instanceof VolumeError) tell(pod, { type: "Warning", reason: "FailedMount", message: error.message });
        else deps.onError(uid, error);
        entry.isStale = true;
        return Date.now() + REFRESH_RETRY_MS;
      }
    }
    return deps.files.renewAtMs(uid);
  }

  /** Containers that run have probes, and logs that grow. */
  function follow(uid: string, { pod }: Entry, runtime: PodRuntimeState): void {
    const running = runtime.containers.filter(({ state }) => state === "running");
    deps.logs.follow(uid, running);
    if (pod === undefined) return;
    const ip = pod.spec.hostNetwork === true ? deps.settings.hostIps[0] : runtime.sandboxes[0]?.ips[0];
    const isEnding = pod.metadata.deletionTimestamp !== undefined;
    const probed = podContainers(pod).flatMap((container): readonly Probed[] => {
      const instance = newestInstance(runtime, container.spec.name);
      return instance?.state === "running" ? [{ pod, container, instance, ip: ip ?? "", isEnding }] : [];
    });
    prober.follow(uid, probed);
  }

  function tellBackOffs({ told }: Entry, { pod, runtime, memory, nowMs }: PodView): void {
    if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return;
    for (const { spec } of podContainers(pod)) {
      const last = newestInstance(runtime, spec.name);
      if (last?.state !== "exited" || told.has(last.id) || last.backOffMs === 0) continue;
      if (memory.waiting.has(spec.name) || nowMs >= restartAtMs(last)) continue;
      told.add(last.id);
      const { name, namespace, uid } = pod.metadata;
      const message = `Back-off restarting failed container ${spec.name} in pod ${name}_${namespace}(${uid})`;
      tell(pod, { type: "Warning", reason: "BackOff", message });
    }
  }

  /** Its time to wait is over: it may lose connections now. */
  function tellUndrained({ told }: Entry, view: PodView): void {
    const { pod, nowMs } = view;
    const untilMs = undrainedUntilMs(view);
    if (pod === undefined || untilMs === undefined || nowMs < untilMs || told.has(DRAINED)) return;
    told.add(DRAINED);
    const why = findDrained(pod)?.message ?? "no control plane has looked at it";
    const message = `Stopping although nodes may still send connections to it: ${why}`;
    tell(pod, { type: "Warning", reason: "NotDrained", message });
  }

  return {
    set(pod) {
      const uid = pod.metadata.uid ?? "";
      const entry = entryOf(uid);
      const before = entry.pod;
      entry.pod = pod;
      entry.identity = { namespace: pod.metadata.namespace ?? "", name: pod.metadata.name ?? "" };
      entry.isGone = false;
      if (before !== undefined && isRelabelled(pod, before)) entry.isStale = true;
      if (pod.metadata.deletionTimestamp === undefined && !isTerminal(pod)) {
        deps.configs.follow(uid, pod.metadata.namespace ?? "", referencesOf(pod));
      } else deps.configs.forget(uid);
      if (isNearerEnd(pod, before)) entry.interrupt.abort(new Error("the pod is being deleted"));
      queue.add(uid);
    },
    remove(uid, identity) {
      const entry = entryOf(uid);
      entry.identity = identity ?? entry.identity;
      entry.isGone = true;
      entry.interrupt.abort(new Error("the pod is gone"));
      queue.add(uid);
    },
    wake(uid) {
      if (entries.has(uid)) queue.add(uid);
    },
    refresh(uid) {
      const entry = entries.get(uid);
      if (entry === undefined) return;
      entry.isStale = true;
      entry.memory.sandboxRetryAtMs = 0;
      for (const [name, { reason, message }] of entry.memory.waiting) {
        if (reason === CONFIG_ERROR) entry.memory.waiting.set(name, { reason, message, retryAtMs: 0 });
      }
      queue.add(uid);
    },
    retrySandboxes() {
      for (const [uid, { memory }] of entries) {
        if (memory.sandboxRetryAtMs === 0) continue;
        memory.sandboxRetryAtMs = 0;
        queue.add(uid);
      }
    },
    uids: () => entries.keys(),
    [Symbol.asyncDispose]: () => queue[Symbol.asyncDispose](),
  };
}

/** The downward API shows them in files. */
function isRelabelled({ metadata }: Pod, { metadata: before }: Pod): boolean {
  const text = ({ labels, annotations }: Pod["metadata"]): string => JSON.stringify([labels, annotations]);
  return text(metadata) !== text(before);
}

/** Deleted, or given less time than before. */
function isNearerEnd({ metadata }: Pod, before: Pod | undefined): boolean {
  if (metadata.deletionTimestamp === undefined) return false;
  const [now, then] = [metadata.deletionGracePeriodSeconds ?? 0, before?.metadata.deletionGracePeriodSeconds];
  return before?.metadata.deletionTimestamp === undefined || then === undefined || now < then;
}
