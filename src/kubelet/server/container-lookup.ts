/** Containers of pods for the server, straight from CRI. */
import type { CriClient } from "#cri/cri-client.ts";
import { CONTAINER_NAME_LABEL, POD_NAME_LABEL, POD_NAMESPACE_LABEL } from "../container/sandbox-config.ts";

export interface PodPlace {
  readonly namespace: string;
  readonly pod: string;
}

export interface FoundContainer {
  readonly id: string;
  readonly isRunning: boolean;
  readonly logPath: string;
}

/** Newest first. */
export async function findContainers(
  cri: Pick<CriClient, "listContainers" | "containerStatus">,
  { namespace, pod, container }: PodPlace & { readonly container: string },
  signal: AbortSignal,
): Promise<readonly FoundContainer[]> {
  const labelSelector = {
    [POD_NAMESPACE_LABEL]: namespace,
    [POD_NAME_LABEL]: pod,
    [CONTAINER_NAME_LABEL]: container,
  };
  const { containers } = await cri.listContainers({ filter: { labelSelector } }, signal);
  const sorted = containers.toSorted((one, other) => Number(other.createdAt - one.createdAt));
  return await Promise.all(
    sorted.map(async ({ id }) => {
      const { status } = await cri.containerStatus({ containerId: id }, signal);
      return { id, isRunning: status?.state === "CONTAINER_RUNNING", logPath: status?.logPath ?? "" };
    }),
  );
}

/** The sandbox that the pod runs in; undefined when there is none. */
export async function findSandbox(
  cri: Pick<CriClient, "listPodSandbox">,
  { namespace, pod }: PodPlace,
  signal: AbortSignal,
): Promise<string | undefined> {
  const labelSelector = { [POD_NAMESPACE_LABEL]: namespace, [POD_NAME_LABEL]: pod };
  const { items } = await cri.listPodSandbox({ filter: { labelSelector, state: { state: "SANDBOX_READY" } } }, signal);
  return items[0]?.id;
}
