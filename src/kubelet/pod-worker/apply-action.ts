/** Does what a plan says, one action at a time, and tells it in events with the kubelet's own texts. */
import type { Container } from "#api/kinds/pod/container.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { RecordedEvent } from "#api-client/event-recorder.ts";
import type { CriClient } from "#cri/cri-client.ts";
import { isNotFound } from "#cri/cri-error.ts";
import { limitDns, podDns } from "../container/pod-dns.ts";
import { removeCgroup } from "../container/remove-cgroup.ts";
import { sandboxConfig } from "../container/sandbox-config.ts";
import { errorText } from "../images/create-image-puller.ts";
import type { Limit } from "../limit.ts";
import { runHandler } from "../probes/run-handler.ts";
import type { ContainerStop, PodAction } from "./plan-pod.ts";
import type { PodFiles } from "./pod-files.ts";
import type { PodSettings } from "./pod-settings.ts";
import type { PodRuntimeState } from "./pod-view.ts";
import { podContainers } from "./pod-view.ts";
import { type StartDeps, startContainer } from "./start-container.ts";

export interface ActionDeps extends StartDeps {
  readonly cri: CriClient;
  readonly files: PodFiles;
  readonly settings: PodSettings;
  readonly limit: Limit;
  /** Why pods cannot get a network now. */
  networkProblem(signal: AbortSignal): Promise<string | undefined>;
  tell(pod: Pod | undefined, event: RecordedEvent): void;
}

export interface ActionContext {
  readonly uid: string;
  readonly pod: Pod | undefined;
  readonly runtime: PodRuntimeState;
  /** Containers whose preStop hook was begun: it runs once, however often their end is tried. */
  readonly preStopped: Set<string>;
  readonly signal: AbortSignal;
}

/** A step that failed in a way that its plan has to know of. */
export class SandboxError extends Error {
  override readonly name = "SandboxError";
}

export async function applyAction(deps: ActionDeps, action: PodAction, context: ActionContext): Promise<void> {
  const { cri, limit } = deps;
  const { signal, pod } = context;
  switch (action.type) {
    case "createSandbox":
      if (pod !== undefined) await createSandbox(deps, pod, action.attempt, signal);
      return;
    case "startContainer":
      if (pod !== undefined) await startContainer(deps, { ...action, pod, runtime: context.runtime }, signal);
      return;
    case "stopContainers":
      await stopContainers(deps, action.stops, context);
      return;
    case "stopSandbox":
      await limit(() => stopSandbox(deps, action.sandboxId, context), signal);
      return;
    case "removeSandbox":
      await limit(() => cri.removePodSandbox({ podSandboxId: action.sandboxId }, signal), signal);
      await removeCgroup(deps.settings.cgroupParent, action.sandboxId);
      return;
    case "removeContainer":
      await removeContainer(deps, action.containerId, context);
      return;
    default:
      action satisfies never;
  }
}

async function createSandbox(deps: ActionDeps, pod: Pod, attempt: number, signal: AbortSignal): Promise<void> {
  const { cri, files, settings, limit, tell } = deps;
  if (pod.spec.hostNetwork !== true) await requireNetwork(deps, pod, signal);
  await files.ensureVolumes(pod, signal);
  const { dns, cgroupParent, logRoot } = settings;
  for (const message of limitDns(podDns(pod, dns)).omissions)
    tell(pod, { type: "Warning", reason: "DNSConfigForming", message });
  const config = sandboxConfig({ pod, attempt, dns, cgroupParent, logRoot });
  // Images come while the sandbox gets its network: neither needs the other.
  for (const container of firstContainers(pod))
    deps.puller.begin({ pod, container, tell: (event) => tell(pod, event) }, signal);
  try {
    const runtimeHandler = pod.spec.runtimeClassName ?? "";
    await limit(() => cri.runPodSandbox({ config, runtimeHandler }, signal), signal);
  } catch (cause) {
    signal.throwIfAborted();
    const message = `Failed to create pod sandbox: ${errorText(cause)}`;
    tell(pod, { type: "Warning", reason: "FailedCreatePodSandBox", message });
    throw new SandboxError(message, { cause });
  }
}

/** Those that can start as soon as there is a sandbox. */
function firstContainers({ spec }: Pod): readonly Container[] {
  const [init] = spec.initContainers ?? [];
  return init === undefined ? spec.containers : [init];
}

/** Before the runtime tries it in vain: while there is no CNI configuration. */
async function requireNetwork({ networkProblem, tell }: ActionDeps, pod: Pod, signal: AbortSignal): Promise<void> {
  const problem = await networkProblem(signal);
  if (problem === undefined) return;
  const message = `network is not ready: ${problem}`;
  tell(pod, { type: "Warning", reason: "NetworkNotReady", message });
  throw new SandboxError(message);
}

async function removeContainer(
  { cri, files, settings }: ActionDeps,
  containerId: string,
  { runtime, signal }: ActionContext,
): Promise<void> {
  await cri.removeContainer({ containerId }, signal);
  await removeCgroup(settings.cgroupParent, containerId);
  const instance = runtime.containers.find(({ id }) => id === containerId);
  // Another run may have the same file, in a sandbox that came later.
  const isShared = runtime.containers.some(({ id, logPath }) => id !== containerId && logPath === instance?.logPath);
  if (instance !== undefined && !isShared) await files.removeLog(instance.logPath);
}

async function stopSandbox({ cri, tell }: ActionDeps, podSandboxId: string, context: ActionContext): Promise<void> {
  try {
    await cri.stopPodSandbox({ podSandboxId }, context.signal);
  } catch (error) {
    if (isNotFound(error)) return; // Gone already is what we want.
    context.signal.throwIfAborted();
    const why = `failed to "KillPodSandbox" for "${context.uid}" with KillPodSandboxError: "${errorText(error)}"`;
    tell(context.pod, { type: "Warning", reason: "FailedKillPod", message: `error killing pod: ${why}` });
    throw error;
  }
}

async function stopContainers(
  deps: ActionDeps,
  stops: readonly ContainerStop[],
  context: ActionContext,
): Promise<void> {
  if (stops.some(({ why }) => why === "sandbox")) {
    const message = "Pod sandbox changed, it will be killed and re-created.";
    deps.tell(context.pod, { type: "Normal", reason: "SandboxChanged", message });
  }
  await Promise.all(stops.map((stop) => stopContainer(deps, stop, context)));
}

const STOP_TEXTS: Readonly<Record<ContainerStop["why"], (name: string) => string>> = {
  pod: (name) => `Stopping container ${name}`,
  sandbox: (name) => `Stopping container ${name}`,
  liveness: (name) => `Container ${name} failed liveness probe, will be restarted`,
  startup: (name) => `Container ${name} failed startup probe, will be restarted`,
  changed: (name) => `Container ${name} definition changed, will be restarted`,
  unknown: (name) => `Container ${name} is in unknown state, will be restarted`,
};

/** preStop and the stop signal share the grace period. */
async function stopContainer(
  deps: ActionDeps,
  { instance, graceSeconds, why }: ContainerStop,
  context: ActionContext,
): Promise<void> {
  const { cri, tell } = deps;
  const { pod, signal } = context;
  tell(pod, { type: "Normal", reason: "Killing", message: STOP_TEXTS[why](instance.name) });
  const startedMs = Date.now();
  if (graceSeconds > 0 && instance.state === "running" && !context.preStopped.has(instance.id)) {
    context.preStopped.add(instance.id);
    await runPreStop(deps, { instance, graceSeconds, why }, context);
  }
  const leftSeconds = graceSeconds - (Date.now() - startedMs) / 1000;
  const timeout = graceSeconds === 0 ? 0n : BigInt(Math.max(1, Math.ceil(leftSeconds)));
  try {
    await cri.stopContainer({ containerId: instance.id, timeout }, signal);
  } catch (error) {
    if (!isNotFound(error)) throw error; // Gone already is what we want.
  }
}

async function runPreStop(
  { cri, settings, tell }: ActionDeps,
  { instance, graceSeconds }: ContainerStop,
  { pod, runtime, signal }: ActionContext,
): Promise<void> {
  if (pod === undefined) return;
  const spec = podContainers(pod).find((each) => each.spec.name === instance.name)?.spec;
  const hook = spec?.lifecycle?.preStop;
  if (spec === undefined || hook === undefined) return;
  const ip = pod.spec.hostNetwork === true ? settings.hostIps[0] : runtime.sandboxes[0]?.ips[0];
  const target = { container: spec, containerId: instance.id, ip: ip ?? "" };
  const { isSuccess, output } = await runHandler(cri, hook, target, { timeoutMs: graceSeconds * 1000, signal });
  signal.throwIfAborted();
  if (isSuccess) return;
  tell(pod, { type: "Warning", reason: "FailedPreStopHook", message: `PreStopHook failed: ${output}` });
}
