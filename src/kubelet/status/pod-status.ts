/**
 * A pod's status from what the runtime has of it. Written by the kubelet alone, but for conditions of others.
 * Source: Kubernetes API reference, PodStatus; documentation, "Pod Lifecycle", "Pod phase".
 */
import type { ContainerStatus } from "#api/kinds/pod/container-status.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { PodPhase, PodStatus } from "#api/kinds/pod/pod-status.ts";
import { qosClassOf } from "#api/kinds/pod/qos-class.ts";
import { isInitialized } from "../pod-worker/plan-pod.ts";
import { goalOf } from "../pod-worker/pod-goal.ts";
import { type PodView, podContainers } from "../pod-worker/pod-view.ts";
import { shouldRestart } from "../pod-worker/restart.ts";
import { type ContainerStatuses, containerStatuses, isTerminal, timeText } from "./container-statuses.ts";
import { podConditions } from "./pod-conditions.ts";

export interface HostAddresses {
  /** One for each family, the main one first. */
  readonly ips: readonly string[];
}

export function podStatus(view: PodView, pod: Pod, host: HostAddresses): PodStatus {
  const { runtime, memory, nowMs } = view;
  const [sandbox] = runtime.sandboxes;
  const isDone = sandbox !== undefined && isInitialized(view, pod, sandbox);
  const statuses = containerStatuses(view, pod, isDone);
  const goal = goalOf(view);
  const isOutOfTime = goal.type === "stopped" && goal.why === "deadline";
  const phase = isOutOfTime ? "Failed" : phaseOf(view, pod, statuses, isDone);
  const ips = pod.spec.hostNetwork === true ? (sandbox?.isReady === true ? host.ips : []) : (sandbox?.ips ?? []);
  const known = ips.length > 0 ? ips : (pod.status?.podIPs ?? []).map(({ ip }) => ip ?? "");
  const shown = sandbox?.isReady === true || isTerminal(pod) || ips.length > 0 ? known : [];
  const [hostIP] = host.ips;
  return {
    phase,
    ...(isOutOfTime
      ? { reason: "DeadlineExceeded", message: "Pod was active on the node longer than the specified deadline" }
      : { ...(pod.status?.reason && { reason: pod.status.reason }), ...messageOf(pod) }),
    conditions: podConditions(pod, {
      phase,
      statuses,
      isInitialized: isDone || phase === "Succeeded",
      hasSandbox: sandbox?.isReady === true && (pod.spec.hostNetwork === true || sandbox.ips.length > 0),
      nowMs,
    }),
    ...(hostIP !== undefined && { hostIP, hostIPs: host.ips.map((ip) => ({ ip })) }),
    ...(shown.length > 0 && { podIP: shown[0] ?? "", podIPs: shown.map((ip) => ({ ip })) }),
    startTime: pod.status?.startTime ?? timeText(memory.acceptedAtMs),
    ...(statuses.init.length > 0 && { initContainerStatuses: statuses.init }),
    containerStatuses: statuses.app,
    ...(statuses.ephemeral.length > 0 && { ephemeralContainerStatuses: statuses.ephemeral }),
    qosClass: pod.status?.qosClass ?? qosClassOf(pod.spec),
  };
}

function messageOf({ status }: Pod): { readonly message?: string } {
  return status?.message ? { message: status.message } : {};
}

/** Failed and Succeeded are for ever. */
function phaseOf(view: PodView, pod: Pod, statuses: ContainerStatuses, isDone: boolean): PodPhase {
  const earlier = pod.status?.phase;
  if (earlier === "Failed" || earlier === "Succeeded") return earlier;
  const roles = new Map(podContainers(pod).map(({ spec, role }) => [spec.name, role]));
  const isOver = ({ name, state = {} }: ContainerStatus): boolean => {
    if (state.terminated === undefined) return false;
    const last = view.runtime.containers.find((each) => each.name === name);
    return last !== undefined && !shouldRestart(pod, roles.get(name) ?? "app", last);
  };
  if (statuses.init.some((status) => isOver(status) && status.state?.terminated?.exitCode !== 0)) return "Failed";
  const hasRun = ({ state = {}, lastState = {} }: ContainerStatus): boolean =>
    state.running !== undefined || state.terminated !== undefined || lastState.terminated !== undefined;
  const apps = statuses.app;
  if (apps.every(isOver)) {
    const sidecarsRun = statuses.init.some(({ state = {} }) => state.running !== undefined);
    if (sidecarsRun) return "Running";
    return apps.every(({ state }) => state?.terminated?.exitCode === 0) ? "Succeeded" : "Failed";
  }
  return isDone && apps.every(hasRun) ? "Running" : "Pending";
}
