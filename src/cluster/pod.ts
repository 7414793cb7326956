/** Pods of one container: a sandbox, a container in it, and programs run there. */
import { BUSYBOX_IMAGE } from "./images.ts";
import { type PodSandbox, type PodSandboxOptions, runPodSandbox, undoneOnFailure } from "./pod-sandbox.ts";
import type { ProgramResult } from "./program.ts";

export interface PodOptions extends PodSandboxOptions {
  readonly image?: string;
  /** By default the pod waits until it is removed. */
  readonly command?: readonly string[];
}

export interface Pod extends PodSandbox {
  readonly containerId: string;
}

const WAIT_FOR_EVER = ["sleep", "2147483647"];

/** Undoes what it has done when a step fails. `removePod` of pod-sandbox.ts removes it. */
export async function runPod(options: PodOptions, signal: AbortSignal): Promise<Pod> {
  const sandbox = await runPodSandbox(options, signal);
  const { node, name, namespace, sandboxId } = sandbox;
  try {
    return await undoneOnFailure(node.cri, sandboxId, async () => ({
      ...sandbox,
      containerId: await startContainer(sandbox, options, signal),
    }));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`Cannot run pod "${namespace}/${name}" on node "${node.name}": ${why}`, { cause });
  }
}

/** Runs a program in the pod's container, as `kubectl exec` does, without input. */
export async function execInPod(pod: Pod, argv: readonly string[], signal: AbortSignal): Promise<ProgramResult> {
  const answer = await pod.node.cri.execSync({ containerId: pod.containerId, cmd: argv }, signal);
  const decoder = new TextDecoder();
  return { stdout: decoder.decode(answer.stdout), stderr: decoder.decode(answer.stderr), code: answer.exitCode };
}

async function startContainer(sandbox: PodSandbox, options: PodOptions, signal: AbortSignal): Promise<string> {
  const { node, name, sandboxId, config: sandboxConfig } = sandbox;
  const { image = BUSYBOX_IMAGE, command = WAIT_FOR_EVER } = options;
  const { containerId } = await node.cri.createContainer(
    {
      podSandboxId: sandboxId,
      config: {
        metadata: { name },
        image: { image },
        command,
        labels: { ...sandboxConfig.labels, "io.kubernetes.container.name": name },
        logPath: `${name}/0.log`,
        linux: { securityContext: { namespaceOptions: { pid: "CONTAINER" } } },
      },
      sandboxConfig,
    },
    signal,
  );
  await node.cri.startContainer({ containerId }, signal);
  return containerId;
}
