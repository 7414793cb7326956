/**
 * The READY, STATUS and RESTARTS columns of `kubectl get pods`: what people look at first. STATUS is not a field; it
 * is the most telling of phase, reasons and container states. Source: the printed output of kubectl 1.32.
 */
import type { ContainerState, ContainerStatus } from "./container-status.ts";
import type { PodSpec } from "./pod-spec.ts";
import type { PodStatus } from "./pod-status.ts";

export interface PodStatusText {
  readonly readyContainers: number;
  readonly totalContainers: number;
  /** "Running", "Init:0/1", "CrashLoopBackOff". */
  readonly status: string;
  readonly restarts: number;
  /** When a container that restarted last ended. */
  readonly lastRestart: string | undefined;
}

interface PrintedPod {
  readonly metadata: { readonly deletionTimestamp?: string | undefined };
  readonly spec: PodSpec;
  readonly status?: PodStatus | undefined;
}

export function podStatusText({ metadata, spec, status = {} }: PrintedPod): PodStatusText {
  const sidecars = new Set((spec.initContainers ?? []).filter(isSidecar).map(({ name }) => name));
  const totalContainers = spec.containers.length + sidecars.size;
  const init = initText(status.initContainerStatuses ?? [], sidecars, spec.initContainers?.length ?? 0);
  const isInitialized = init.status === undefined || hasCondition(status, "Initialized");
  const main = isInitialized ? mainText(status) : undefined;
  const counted = main === undefined ? init.all : merge(init.sidecars, main.restarts);
  const text = main?.status ?? init.status ?? phaseText(status);
  return {
    readyContainers: init.ready + (main?.ready ?? 0),
    totalContainers,
    status: metadata.deletionTimestamp === undefined ? text : deletedText(text, status),
    restarts: counted.count,
    lastRestart: counted.last,
  };
}

function phaseText({ phase, reason = "", conditions = [] }: PodStatus): string {
  const isGated = conditions.some(({ type, reason }) => type === "PodScheduled" && reason === "SchedulingGated");
  return isGated ? "SchedulingGated" : reason === "" ? (phase ?? "") : reason;
}

/** The first init container that is not done says it. `status` is undefined when all are. */
function initText(statuses: readonly ContainerStatus[], sidecars: ReadonlySet<string>, total: number) {
  let [all, ofSidecars, ready] = [NO_RESTARTS, NO_RESTARTS, 0];
  for (const [index, container] of statuses.entries()) {
    const { name, state = {}, started } = container;
    all = merge(all, restartsOf(container));
    if (sidecars.has(name)) ofSidecars = merge(ofSidecars, restartsOf(container));
    if (state.terminated !== undefined && (state.terminated.exitCode ?? 0) === 0) continue;
    if (sidecars.has(name) && started === true) {
      if (container.ready === true) ready++;
      continue;
    }
    return { all, sidecars: ofSidecars, ready, status: `Init:${initReason(state) ?? `${index}/${total}`}` };
  }
  return { all, sidecars: ofSidecars, ready, status: undefined };
}

function initReason({ terminated, waiting }: ContainerState): string | undefined {
  if (terminated !== undefined) return endText(terminated);
  const reason = waiting?.reason ?? "";
  return reason === "" || reason === "PodInitializing" ? undefined : reason;
}

/** The first container that waits or has ended says it. */
function mainText(status: PodStatus) {
  let [restarts, ready, text]: [Restarts, number, string | undefined] = [NO_RESTARTS, 0, undefined];
  for (const container of (status.containerStatuses ?? []).toReversed()) {
    const { waiting, running, terminated } = container.state ?? {};
    restarts = merge(restarts, restartsOf(container));
    if (waiting?.reason !== undefined && waiting.reason !== "") text = waiting.reason;
    else if (terminated !== undefined) text = endText(terminated);
    else if (container.ready === true && running !== undefined) ready++;
  }
  // One that has ended well does not hide those that run.
  if (text === "Completed" && ready > 0) text = hasCondition(status, "Ready") ? "Running" : "NotReady";
  return { restarts, ready, status: text };
}

function endText({ reason = "", signal = 0, exitCode = 0 }: NonNullable<ContainerState["terminated"]>): string {
  if (reason !== "") return reason;
  return signal === 0 ? `ExitCode:${exitCode}` : `Signal:${signal}`;
}

function deletedText(text: string, { phase, reason }: PodStatus): string {
  if (reason === "NodeLost") return "Unknown";
  return phase === "Succeeded" || phase === "Failed" ? text : "Terminating";
}

function hasCondition({ conditions = [] }: PodStatus, name: string): boolean {
  return conditions.some(({ type, status }) => type === name && status === "True");
}

function isSidecar({ restartPolicy }: { readonly restartPolicy?: string | undefined }): boolean {
  return restartPolicy === "Always";
}

interface Restarts {
  readonly count: number;
  readonly last: string | undefined;
}

const NO_RESTARTS: Restarts = { count: 0, last: undefined };

function restartsOf({ restartCount = 0, lastState = {} }: ContainerStatus): Restarts {
  return { count: restartCount, last: lastState.terminated?.finishedAt };
}

function merge(a: Restarts, b: Restarts): Restarts {
  // RFC 3339 in UTC compares as text.
  const last = a.last === undefined || (b.last !== undefined && b.last > a.last) ? b.last : a.last;
  return { count: a.count + b.count, last };
}
