/**
 * What a row of probe results means. Pure: thresholds in, verdict out. Source: Kubernetes documentation, "Configure
 * Liveness, Readiness and Startup Probes".
 */
import type { Probe } from "#api/kinds/pod/probe.ts";

export type ProbeKind = "startup" | "liveness" | "readiness";

export interface ProbeState {
  /** How the container counts now; undefined: a startup probe that has not decided. */
  readonly isHealthy: boolean | undefined;
  /** How often the same result came in a row. */
  readonly lastResult: boolean | undefined;
  readonly inARow: number;
}

/** `before`: what an earlier kubelet had found of the same container, which has run on meanwhile. */
export function initialState(kind: ProbeKind, before: ProbedBefore = {}): ProbeState {
  const isHealthy = {
    startup: before.started === true ? true : undefined,
    liveness: true,
    readiness: before.ready === true,
  }[kind];
  return { isHealthy, lastResult: undefined, inARow: 0 };
}

export interface ProbedBefore {
  readonly started?: boolean | undefined;
  readonly ready?: boolean | undefined;
}

export function afterResult(state: ProbeState, probe: Probe, isSuccess: boolean): ProbeState {
  const inARow = state.lastResult === isSuccess ? state.inARow + 1 : 1;
  const threshold = isSuccess ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3);
  const isHealthy = inARow >= threshold ? isSuccess : state.isHealthy;
  return { isHealthy, lastResult: isSuccess, inARow };
}

/** Events name it so. */
export const PROBE_TITLES: Readonly<Record<ProbeKind, string>> = {
  startup: "Startup",
  liveness: "Liveness",
  readiness: "Readiness",
};
