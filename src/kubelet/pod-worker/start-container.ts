/** One container from its image to its postStart hook. Failures say what the pod's status will show. */
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { Service } from "#api/kinds/service/service.ts";
import type { RecordedEvent } from "#api-client/event-recorder.ts";
import type { ContainerConfig } from "#cri/container-messages.ts";
import type { CriClient } from "#cri/cri-client.ts";
import { containerConfig } from "../container/container-config.ts";
import { ContainerConfigError } from "../container/environment.ts";
import { sandboxConfig } from "../container/sandbox-config.ts";
import { serviceLinks } from "../container/service-links.ts";
import { needsNonRootImage, requireNonRootImage } from "../container/verify-non-root.ts";
import { errorText, ImageError, type ImagePuller } from "../images/create-image-puller.ts";
import type { Limit } from "../limit.ts";
import { runHandler } from "../probes/run-handler.ts";
import { resolveSubPath } from "../volumes/sub-path.ts";
import type { PodFiles } from "./pod-files.ts";
import type { PodSettings } from "./pod-settings.ts";
import { newestInstance, type PodContainer, type PodRuntimeState } from "./pod-view.ts";

export interface StartDeps {
  readonly cri: CriClient;
  readonly puller: ImagePuller;
  readonly files: PodFiles;
  readonly settings: PodSettings;
  readonly limit: Limit;
  services(): readonly Service[];
  tell(pod: Pod | undefined, event: RecordedEvent): void;
}

export interface ContainerStart {
  readonly pod: Pod;
  readonly container: PodContainer;
  readonly runtime: PodRuntimeState;
  readonly sandboxId: string;
  readonly attempt: number;
  readonly backOffMs: number;
}

/** The container waits, for that reason. */
export class StartError extends Error {
  override readonly name = "StartError";
  readonly reason: string;
  /** 0: as its end allows. */
  readonly retryAtMs: number;

  constructor(reason: string, message: string, retryAtMs: number, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
    this.retryAtMs = retryAtMs;
  }
}

export const CONFIG_ERROR = "CreateContainerConfigError";
const RETRY_MS = 5_000;
const POST_START_TIMEOUT_MS = 120_000;

/** Rejects with StartError. */
export async function startContainer(deps: StartDeps, start: ContainerStart, signal: AbortSignal): Promise<void> {
  const { cri, limit } = deps;
  const { pod, container } = start;
  const tell = (event: RecordedEvent): void => deps.tell(pod, event);
  const { name } = container.spec;
  const imageRequest = { pod, container: container.spec, tell };
  const imageRef = await deps.puller.ensure(imageRequest, signal).catch((cause) => {
    if (!(cause instanceof ImageError)) throw cause;
    throw new StartError(cause.reason, cause.message, cause.retryAtMs, { cause });
  });
  const failed = (reason: string, cause: unknown, retryAtMs = Date.now() + RETRY_MS): StartError => {
    signal.throwIfAborted();
    const message = cause instanceof ContainerConfigError ? cause.message : errorText(cause);
    tell({ type: "Warning", reason: "Failed", message: `Error: ${message}` });
    return new StartError(reason, message, retryAtMs, { cause });
  };
  const request = await requestOf(deps, start, imageRef, signal).catch((cause: unknown) => {
    throw failed(CONFIG_ERROR, cause);
  });
  const { containerId } = await limit(() => cri.createContainer(request, signal), signal).catch((cause: unknown) => {
    throw failed("CreateContainerError", cause);
  });
  tell({ type: "Normal", reason: "Created", message: `Created container: ${name}` });
  await limit(() => cri.startContainer({ containerId }, signal), signal).catch((cause: unknown) => {
    // The runtime keeps it as ended: its restart waits as after any other end.
    throw failed("RunContainerError", cause, 0);
  });
  tell({ type: "Normal", reason: "Started", message: `Started container ${name}` });
  await runPostStart(deps, start, containerId, signal);
}

async function requestOf(deps: StartDeps, start: ContainerStart, imageRef: string, signal: AbortSignal) {
  const { files, settings, cri } = deps;
  const { pod, container, runtime, sandboxId, attempt, backOffMs } = start;
  if (needsNonRootImage(pod, container.spec)) {
    const { image } = await cri.imageStatus({ image: { image: imageRef } }, signal);
    requireNonRootImage(pod, container.spec, image);
  }
  const sandbox = runtime.sandboxes.find(({ id }) => id === sandboxId);
  const podIps = sandbox?.ips ?? [];
  const { paths, config: objects } = await files.ensureVolumes(pod, signal);
  const hostsPath = await files.ensureHosts(pod, podIps);
  const messagePath = await files.createMessageFile(pod.metadata.uid ?? "", container.spec.name);
  const target = "targetContainerName" in container.spec ? String(container.spec.targetContainerName ?? "") : "";
  const config = containerConfig({
    pod,
    container: container.spec,
    attempt,
    backOffMs,
    imageRef,
    facts: files.facts(podIps),
    data: objects.data,
    serviceLinks: serviceLinks(deps.services(), {
      namespace: pod.metadata.namespace ?? "",
      isEnabled: pod.spec.enableServiceLinks !== false,
    }),
    volumePaths: paths,
    hostsPath,
    messagePath,
    targetId: target === "" ? undefined : newestInstance(runtime, target)?.id,
    nodeMemoryBytes: settings.memoryBytes,
  });
  return {
    podSandboxId: sandboxId,
    config: { ...config, mounts: await withResolvedSubPaths(config.mounts ?? [], paths) },
    sandboxConfig: sandboxConfig({
      pod,
      attempt: sandbox?.attempt ?? 0,
      dns: settings.dns,
      cgroupParent: settings.cgroupParent,
      logRoot: settings.logRoot,
    }),
  };
}

type Mounts = NonNullable<ContainerConfig["mounts"]>;

/** What lies below a volume's root is looked at before the runtime follows it. */
function withResolvedSubPaths(mounts: Mounts, roots: ReadonlyMap<string, string>): Promise<Mounts> {
  return Promise.all(
    mounts.map(async (mount) => {
      const { hostPath = "" } = mount;
      const root = [...roots.values()].find((each) => hostPath.startsWith(`${each}/`));
      return root === undefined ? mount : { ...mount, hostPath: await resolveSubPath(root, hostPath) };
    }),
  );
}

/** A container whose hook fails is ended. */
async function runPostStart(
  { cri, settings, tell }: StartDeps,
  { pod, container, runtime, sandboxId }: ContainerStart,
  containerId: string,
  signal: AbortSignal,
): Promise<void> {
  const hook = container.spec.lifecycle?.postStart;
  if (hook === undefined) return;
  const ip = runtime.sandboxes.find(({ id }) => id === sandboxId)?.ips[0] ?? settings.hostIps[0] ?? "";
  const target = { container: container.spec, containerId, ip };
  const { isSuccess, output } = await runHandler(cri, hook, target, { timeoutMs: POST_START_TIMEOUT_MS, signal });
  if (isSuccess) return;
  signal.throwIfAborted();
  tell(pod, { type: "Warning", reason: "FailedPostStartHook", message: `PostStartHook failed: ${output}` });
  tell(pod, { type: "Normal", reason: "Killing", message: "FailedPostStartHook" });
  const timeout = BigInt(pod.spec.terminationGracePeriodSeconds ?? 30);
  await cri.stopContainer({ containerId, timeout }, signal);
}
