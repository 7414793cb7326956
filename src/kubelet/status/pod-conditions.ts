/**
 * Conditions of a pod that its kubelet owns; those of others stay as they are when these are patched.
 * Source: Kubernetes documentation, "Pod Lifecycle", "Pod conditions".
 */
import type { ContainerStatus } from "#api/kinds/pod/container-status.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { PodCondition, PodPhase } from "#api/kinds/pod/pod-status.ts";
import { isSidecar } from "../pod-worker/pod-view.ts";
import { type ContainerStatuses, timeText } from "./container-statuses.ts";

export interface ConditionFacts {
  readonly phase: PodPhase;
  readonly statuses: ContainerStatuses;
  readonly isInitialized: boolean;
  readonly hasSandbox: boolean;
  readonly nowMs: number;
}

type Verdict = Pick<PodCondition, "reason" | "message"> & { readonly isTrue: boolean };

export function podConditions(pod: Pod, facts: ConditionFacts): readonly PodCondition[] {
  const containersReady = containersVerdict(pod, facts);
  const verdicts: readonly (readonly [string, Verdict])[] = [
    ["PodReadyToStartContainers", { isTrue: facts.hasSandbox }],
    ["Initialized", initializedVerdict(pod, facts)],
    ["Ready", readyVerdict(pod, containersReady)],
    ["ContainersReady", containersReady],
    ["PodScheduled", { isTrue: true }],
  ];
  const earlier = pod.status?.conditions ?? [];
  return verdicts.map(([type, verdict]) => condition(type, verdict, earlier, facts.nowMs));
}

function condition(
  type: string,
  { isTrue, reason, message }: Verdict,
  earlier: readonly PodCondition[],
  nowMs: number,
): PodCondition {
  const before = earlier.find((each) => each.type === type);
  const status = isTrue ? "True" : "False";
  const since = before?.status === status ? before.lastTransitionTime : undefined;
  return {
    type,
    status,
    lastTransitionTime: since ?? timeText(nowMs),
    ...(reason !== undefined && { reason }),
    ...(message !== undefined && { message }),
  };
}

function initializedVerdict({ spec }: Pod, { phase, statuses, isInitialized }: ConditionFacts): Verdict {
  if (phase === "Succeeded") return { isTrue: true, reason: "PodCompleted" };
  if (isInitialized) return { isTrue: true };
  const sidecars = new Set((spec.initContainers ?? []).filter(isSidecar).map(({ name }) => name));
  const incomplete = statuses.init.filter(({ name, ready, started }) =>
    sidecars.has(name) ? started !== true : ready !== true,
  );
  return {
    isTrue: false,
    reason: "ContainersNotInitialized",
    message: `containers with incomplete status: [${namesOf(incomplete)}]`,
  };
}

function containersVerdict({ spec }: Pod, { phase, statuses }: ConditionFacts): Verdict {
  if (phase === "Succeeded") return { isTrue: false, reason: "PodCompleted" };
  if (phase === "Failed") return { isTrue: false, reason: "PodFailed" };
  const sidecars = new Set((spec.initContainers ?? []).filter(isSidecar).map(({ name }) => name));
  const unready = [...statuses.init.filter(({ name }) => sidecars.has(name)), ...statuses.app].filter(
    ({ ready }) => ready !== true,
  );
  if (unready.length === 0) return { isTrue: true };
  return {
    isTrue: false,
    reason: "ContainersNotReady",
    message: `containers with unready status: [${namesOf(unready)}]`,
  };
}

function readyVerdict({ spec, status }: Pod, containers: Verdict): Verdict {
  if (!containers.isTrue) return containers;
  const missing = (spec.readinessGates ?? []).flatMap(({ conditionType }) => {
    const found = status?.conditions?.find(({ type }) => type === conditionType);
    if (found === undefined)
      return [`corresponding condition of pod readiness gate "${conditionType}" does not exist.`];
    if (found.status === "True") return [];
    return [`the status of pod readiness gate "${conditionType}" is not "True", but ${found.status}`];
  });
  if (missing.length === 0) return { isTrue: true };
  return { isTrue: false, reason: "ReadinessGatesNotReady", message: missing.join(", ") };
}

function namesOf(statuses: readonly ContainerStatus[]): string {
  return statuses.map(({ name }) => name).join(" ");
}
