/** Asks the runtime how it is, for the Node's status. */
import type { NodeStatus } from "#api/kinds/node/node-status.ts";
import type { CriClient } from "#cri/cri-client.ts";
import { CriError } from "#cri/cri-error.ts";
import { type NodeInput, nodeStatus } from "./node-status.ts";

type Fixed = Omit<NodeInput, "runtime" | "runtimeVersion" | "images" | "nowMs">;

const TIMEOUT_MS = 10_000;

export async function observeNode(
  cri: Pick<CriClient, "version" | "status" | "listImages">,
  fixed: Fixed,
  earlier: NodeStatus | undefined,
): Promise<NodeStatus> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const nowMs = Date.now();
  try {
    const [{ runtimeName, runtimeVersion }, { status }, { images }] = await Promise.all([
      cri.version({}, signal),
      cri.status({}, signal),
      cri.listImages({}, signal),
    ]);
    return nodeStatus(
      {
        ...fixed,
        nowMs,
        runtimeVersion: `${runtimeName}://${runtimeVersion.replace(/~.*$/, "")}`,
        runtime: { conditions: status?.conditions ?? [] },
        images: images.map(({ repoTags, repoDigests, size }) => ({
          names: [...repoDigests, ...repoTags],
          sizeBytes: Number(size),
        })),
      },
      earlier,
    );
  } catch (error) {
    if (!(error instanceof CriError)) throw error;
    const runtimeVersion = earlier?.nodeInfo?.containerRuntimeVersion ?? "";
    return nodeStatus({ ...fixed, nowMs, runtimeVersion, runtime: { failure: error.details }, images: [] }, earlier);
  }
}
