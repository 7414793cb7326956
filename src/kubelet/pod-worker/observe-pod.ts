/** Reads from CRI what the runtime has of one pod. */
import type { Container, ContainerStatus } from "#cri/container-messages.ts";
import type { CriClient } from "#cri/cri-client.ts";
import { isNotFound } from "#cri/cri-error.ts";
import type { PodSandbox } from "#cri/sandbox-messages.ts";
import { BACK_OFF_ANNOTATION, GRACE_ANNOTATION, IMAGE_ANNOTATION } from "../container/container-config.ts";
import { CONTAINER_NAME_LABEL, POD_UID_LABEL } from "../container/sandbox-config.ts";
import type { ContainerInstance, PodRuntimeState, SandboxState } from "./pod-view.ts";

export type ObserveCri = Pick<CriClient, "listPodSandbox" | "listContainers" | "podSandboxStatus" | "containerStatus">;

/** Last words of ended containers come from files, see `termination-message.ts`. */
export type LastWords = (status: ContainerStatus) => Promise<string>;

export async function observePod(
  { cri, lastWords }: { readonly cri: ObserveCri; readonly lastWords: LastWords },
  uid: string,
  signal: AbortSignal,
): Promise<PodRuntimeState> {
  const labelSelector = { [POD_UID_LABEL]: uid };
  const [{ items }, { containers }] = await Promise.all([
    cri.listPodSandbox({ filter: { labelSelector } }, signal),
    cri.listContainers({ filter: { labelSelector } }, signal),
  ]);
  const sorted = items.toSorted((one, other) => newestFirst(one, other));
  const [states, instances] = await Promise.all([
    Promise.all(sorted.map((item, index) => sandboxState(cri, item, index === 0, signal))),
    Promise.all(containers.map((item) => instanceOf(cri, lastWords, item, signal))),
  ]);
  const found = instances.filter((instance) => instance !== undefined);
  return {
    sandboxes: states,
    containers: found.toSorted((one, other) => other.attempt - one.attempt || other.createdAtMs - one.createdAtMs),
  };
}

function newestFirst(one: PodSandbox, other: PodSandbox): number {
  return (other.metadata?.attempt ?? 0) - (one.metadata?.attempt ?? 0) || Number(other.createdAt - one.createdAt);
}

/** Addresses are asked for the current one only. */
async function sandboxState(
  cri: ObserveCri,
  { id, metadata, state, createdAt }: PodSandbox,
  isCurrent: boolean,
  signal: AbortSignal,
): Promise<SandboxState> {
  const isReady = state === "SANDBOX_READY";
  const base = { id, attempt: metadata?.attempt ?? 0, isReady, createdAtMs: milliseconds(createdAt) };
  if (!isCurrent || !isReady) return { ...base, ips: [] };
  const answer = await unlessGone(() => cri.podSandboxStatus({ podSandboxId: id }, signal));
  const network = answer?.status?.network;
  const ips = [network?.ip ?? "", ...(network?.additionalIps ?? []).map(({ ip }) => ip)];
  return { ...base, ips: ips.filter((ip) => ip !== "") };
}

async function instanceOf(
  cri: ObserveCri,
  lastWords: LastWords,
  { id, podSandboxId, labels }: Container,
  signal: AbortSignal,
): Promise<ContainerInstance | undefined> {
  const answer = await unlessGone(() => cri.containerStatus({ containerId: id }, signal));
  const status = answer?.status;
  if (status === undefined) return undefined;
  const { metadata, annotations, image } = status;
  const state = STATES[status.state] ?? "unknown";
  return {
    id,
    name: labels[CONTAINER_NAME_LABEL] ?? metadata?.name ?? "",
    sandboxId: podSandboxId,
    attempt: metadata?.attempt ?? 0,
    state,
    createdAtMs: milliseconds(status.createdAt),
    startedAtMs: milliseconds(status.startedAt),
    finishedAtMs: milliseconds(status.finishedAt),
    exitCode: status.exitCode,
    reason: status.reason,
    message: state === "exited" ? (await lastWords(status)) || status.message : "",
    image: annotations[IMAGE_ANNOTATION] || (image?.image ?? ""),
    imageRef: status.imageRef,
    wantedImage: annotations[IMAGE_ANNOTATION] ?? "",
    backOffMs: Number(annotations[BACK_OFF_ANNOTATION] ?? 0) || 0,
    logPath: status.logPath,
    graceSeconds: Number(annotations[GRACE_ANNOTATION] ?? 30) || 0,
  };
}

const STATES: Readonly<Record<string, ContainerInstance["state"]>> = {
  CONTAINER_CREATED: "created",
  CONTAINER_RUNNING: "running",
  CONTAINER_EXITED: "exited",
};

function milliseconds(nanoseconds: bigint): number {
  return Number(nanoseconds / 1_000_000n);
}

/** It may be removed between the list and the question. */
async function unlessGone<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
