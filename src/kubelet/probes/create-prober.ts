/**
 * Runs the probes of the containers that run, each on its own clock, and tells when a verdict changes.
 * Liveness and readiness wait until the startup probe has succeeded.
 */
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { Probe } from "#api/kinds/pod/probe.ts";
import type { RecordedEvent } from "#api-client/event-recorder.ts";
import { sleep } from "#api-client/sleep.ts";
import type { ContainerInstance, PodContainer, Unhealthy } from "../pod-worker/pod-view.ts";
import {
  afterResult,
  initialState,
  PROBE_TITLES,
  type ProbedBefore,
  type ProbeKind,
  type ProbeState,
} from "./probe-state.ts";
import type { HandlerResult } from "./run-handler.ts";

export interface Probed {
  readonly pod: Pod;
  readonly container: PodContainer;
  readonly instance: ContainerInstance;
  readonly ip: string;
  /** Only readiness is of interest: its pod is being deleted. */
  readonly isEnding: boolean;
}

export interface ProberOptions {
  check(probed: Probed, probe: Probe, signal: AbortSignal): Promise<HandlerResult>;
  /** The pod must be looked at again. */
  onChange(uid: string): void;
  tell(pod: Pod, event: RecordedEvent): void;
}

export interface Prober extends AsyncDisposable {
  /** Instances of a pod that run now: new ones get their probes, those of others end. */
  follow(uid: string, running: readonly Probed[]): void;
  verdicts(uid: string): ProbeVerdicts;
}

export interface ProbeVerdicts {
  readonly started: ReadonlySet<string>;
  readonly ready: ReadonlySet<string>;
  readonly unhealthy: ReadonlyMap<string, Unhealthy>;
}

interface Followed {
  readonly probed: Probed;
  readonly stop: AbortController;
  /** Of its startup and liveness probes. */
  readonly stopVital: AbortController;
  readonly states: Map<ProbeKind, ProbeState>;
  readonly done: Promise<void>[];
}

const KINDS = [
  ["startup", "startupProbe"],
  ["liveness", "livenessProbe"],
  ["readiness", "readinessProbe"],
] as const;

/** A check that takes longer than its period is followed by the next one, but not at once. */
const LEAST_PAUSE_MS = 10;

export function createProber({ check, onChange, tell }: ProberOptions): Prober {
  const pods = new Map<string, Map<string, Followed>>();

  function start(uid: string, probed: Probed): Followed {
    const followed: Followed = {
      probed,
      stop: new AbortController(),
      stopVital: new AbortController(),
      states: new Map(),
      done: [],
    };
    const { spec } = probed.container;
    const before = probedBefore(probed);
    for (const [kind, field] of KINDS) {
      if (spec[field] !== undefined) followed.states.set(kind, initialState(kind, before));
    }
    const { startupProbe, livenessProbe, readinessProbe } = spec;
    const rest = (): void => {
      if (livenessProbe !== undefined) followed.done.push(loop(uid, followed, "liveness", livenessProbe));
      if (readinessProbe !== undefined) followed.done.push(loop(uid, followed, "readiness", readinessProbe));
    };
    if (startupProbe === undefined || before.started === true) rest();
    else {
      const decided = loop(uid, followed, "startup", startupProbe);
      followed.done.push(decided.then(() => (followed.states.get("startup")?.isHealthy === true ? rest() : undefined)));
    }
    return followed;
  }

  /** A startup probe ends when it has decided. */
  async function loop(uid: string, followed: Followed, kind: ProbeKind, probe: Probe): Promise<void> {
    const { probed, stop, stopVital, states } = followed;
    const signal = kind === "readiness" ? stop.signal : AbortSignal.any([stop.signal, stopVital.signal]);
    const startedAgoMs = Date.now() - probed.instance.startedAtMs;
    await sleep(Math.max(0, (probe.initialDelaySeconds ?? 0) * 1000 - startedAgoMs), signal);
    while (!signal.aborted) {
      const checkedAtMs = performance.now();
      const result = await check(probed, probe, signal).catch((error: unknown) => ({
        isSuccess: false,
        output: String(error),
      }));
      if (signal.aborted) return;
      const before = states.get(kind) ?? initialState(kind);
      const after = afterResult(before, probe, result.isSuccess);
      states.set(kind, after);
      if (!result.isSuccess) {
        const message = `${PROBE_TITLES[kind]} probe failed: ${result.output.slice(0, 1024)}`;
        tell(probed.pod, { type: "Warning", reason: "Unhealthy", message });
      }
      if (after.isHealthy !== before.isHealthy) onChange(uid);
      if (kind === "startup" && after.isHealthy !== undefined) return;
      // The container is ended for it.
      if (kind === "liveness" && after.isHealthy === false) return;
      const tookMs = performance.now() - checkedAtMs;
      await sleep(Math.max(LEAST_PAUSE_MS, (probe.periodSeconds ?? 10) * 1000 - tookMs), signal);
    }
  }

  return {
    follow(uid, running) {
      const known = pods.get(uid) ?? new Map<string, Followed>();
      const ids = new Set(running.map(({ instance }) => instance.id));
      for (const [id, followed] of known) {
        if (ids.has(id)) continue;
        followed.stop.abort();
        known.delete(id);
      }
      for (const probed of running) {
        const followed = known.get(probed.instance.id) ?? start(uid, probed);
        known.set(probed.instance.id, followed);
        if (probed.isEnding) followed.stopVital.abort();
      }
      if (known.size > 0) pods.set(uid, known);
      else pods.delete(uid);
    },
    verdicts(uid) {
      const [started, ready, unhealthy] = [new Set<string>(), new Set<string>(), new Map<string, Unhealthy>()];
      for (const [id, { probed, states }] of pods.get(uid) ?? []) {
        const healthOf = (kind: ProbeKind): boolean => states.get(kind)?.isHealthy ?? !states.has(kind);
        const isStarted = healthOf("startup");
        if (isStarted) started.add(id);
        if (isStarted && healthOf("readiness")) ready.add(id);
        for (const kind of ["startup", "liveness"] as const) {
          if (states.get(kind)?.isHealthy !== false) continue;
          const probe = probed.container.spec[kind === "startup" ? "startupProbe" : "livenessProbe"];
          const graceSeconds = probe?.terminationGracePeriodSeconds;
          unhealthy.set(id, { probe: kind, graceSeconds });
        }
      }
      return { started, ready, unhealthy };
    },
    async [Symbol.asyncDispose]() {
      const all = [...pods.values()].flatMap((known) => [...known.values()]);
      for (const { stop } of all) stop.abort();
      await Promise.all(all.flatMap(({ done }) => done));
      pods.clear();
    },
  };
}

/** What the pod's status says of this very run: it lasts over a restart of the kubelet. */
function probedBefore({ pod, instance }: Probed): ProbedBefore {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  const known = [...containerStatuses, ...initContainerStatuses].find(({ name }) => name === instance.name);
  if (known?.containerID?.endsWith(`//${instance.id}`) !== true) return {};
  return { started: known.started, ready: known.ready };
}
