/**
 * Pod sandboxes, run straight over CRI as a kubelet would: the pod's namespaces and its network, and no container yet.
 * Removal is Stop and then Remove, as a kubelet does it; containerd sends a CNI DEL with each of the two.
 */
import { randomUUID } from "node:crypto";
import type { CriClient } from "#cri/cri-client.ts";
import { isNotFound } from "#cri/cri-error.ts";
import type { PodSandboxConfig, PortMapping } from "#cri/sandbox-messages.ts";

/** What running pods needs of a node. */
export interface PodHost {
  readonly name: string;
  readonly cri: CriClient;
  readonly podCgroupParent: string;
}

export interface PodSandboxOptions {
  readonly node: PodHost;
  readonly name: string;
  /** Kubernetes namespace; "default" if not given. */
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly portMappings?: readonly PortMapping[];
}

export interface PodSandbox {
  readonly node: PodHost;
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly sandboxId: string;
  /** As CRI wants it back for each container. */
  readonly config: PodSandboxConfig;
  readonly ip: string;
  /** `ip` first, then those of other families. */
  readonly ips: readonly string[];
}

/** Undoes what it has done when a step fails. */
export async function runPodSandbox(options: PodSandboxOptions, signal: AbortSignal): Promise<PodSandbox> {
  const { node, name, namespace = "default" } = options;
  const uid = randomUUID();
  const config = sandboxConfig(options, namespace, uid);
  try {
    const { podSandboxId: sandboxId } = await node.cri.runPodSandbox({ config }, signal);
    return await undoneOnFailure(node.cri, sandboxId, async () => {
      const ips = await podIps(node.cri, sandboxId, signal);
      return { node, name, namespace, uid, sandboxId, config, ip: ips[0] ?? "", ips };
    });
  } catch (cause) {
    throw new Error(`Cannot run pod "${namespace}/${name}" on node "${node.name}": ${messageOf(cause)}`, { cause });
  }
}

/** Kills the pod and has its network removed; succeeds when it is gone already. */
export async function removePod(pod: PodSandbox, signal: AbortSignal): Promise<void> {
  try {
    await removeSandbox(pod.node.cri, pod.sandboxId, signal);
  } catch (cause) {
    const what = `pod "${pod.namespace}/${pod.name}" from node "${pod.node.name}"`;
    throw new Error(`Cannot remove ${what}: ${messageOf(cause)}`, { cause });
  }
}

const UNDO_TIMEOUT_MS = 30_000;

/** The sandbox goes when `step` fails. Not with the caller's signal: that may be the reason of the failure. */
export async function undoneOnFailure<T>(cri: CriClient, sandboxId: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (failure) {
    try {
      await removeSandbox(cri, sandboxId, AbortSignal.timeout(UNDO_TIMEOUT_MS));
    } catch (error) {
      throw new AggregateError([failure, error], `${messageOf(failure)}; then its sandbox could not be removed`);
    }
    throw failure;
  }
}

async function removeSandbox(cri: CriClient, podSandboxId: string, signal: AbortSignal): Promise<void> {
  try {
    await cri.stopPodSandbox({ podSandboxId }, signal);
  } catch (error) {
    if (!isNotFound(error)) throw error; // Gone already is what we want.
  }
  await cri.removePodSandbox({ podSandboxId }, signal);
}

function sandboxConfig(options: PodSandboxOptions, namespace: string, uid: string): PodSandboxConfig {
  const { node, name, labels = {}, annotations = {}, portMappings = [] } = options;
  return {
    metadata: { name, uid, namespace },
    hostname: name,
    logDirectory: `/var/log/pods/${namespace}_${name}_${uid}`,
    portMappings,
    labels: {
      ...labels,
      "io.kubernetes.pod.name": name,
      "io.kubernetes.pod.namespace": namespace,
      "io.kubernetes.pod.uid": uid,
    },
    annotations,
    linux: {
      cgroupParent: node.podCgroupParent,
      securityContext: { namespaceOptions: { network: "POD", pid: "CONTAINER", ipc: "POD" } },
    },
  };
}

async function podIps(cri: CriClient, sandboxId: string, signal: AbortSignal): Promise<readonly string[]> {
  const { status } = await cri.podSandboxStatus({ podSandboxId: sandboxId }, signal);
  const network = status?.network;
  if (network === undefined) return [];
  return [network.ip, ...network.additionalIps.map(({ ip }) => ip)].filter((ip) => ip !== "");
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
