/**
 * Asks the runtime how it is, for the Node's status. A runtime that is started again answers nothing for a moment: its
 * last answer counts for as long as the kubelet of Kubernetes waits (maxWaitForContainerRuntime), so that a Node that
 * goes on running its pods is not taken from the scheduler, nor its pods from it.
 */
import type { NodeStatus } from "#api/kinds/node/node-status.ts";
import type { CriClient } from "#cri/cri-client.ts";
import { CriError } from "#cri/cri-error.ts";
import { type NodeInput, nodeStatus } from "./node-status.ts";

type Fixed = Omit<NodeInput, keyof Answer | "nowMs">;
type Answer = Pick<NodeInput, "runtime" | "runtimeVersion" | "images">;

export interface NodeObserverDeps {
  readonly cri: Pick<CriClient, "version" | "status" | "listImages">;
  readonly nowMs?: () => number;
}

const TIMEOUT_MS = 10_000;
const PATIENCE_MS = 30_000;

/** What it gives says how the node is, by what is known of it already. */
export function createNodeObserver(
  { cri, nowMs = Date.now }: NodeObserverDeps,
  fixed: Fixed,
): (earlier: NodeStatus | undefined) => Promise<NodeStatus> {
  let last: { readonly answer: Answer; readonly atMs: number } | undefined;
  return async (earlier) => {
    try {
      last = { answer: await ask(cri), atMs: nowMs() };
      return nodeStatus({ ...fixed, ...last.answer, nowMs: nowMs() }, earlier);
    } catch (error) {
      if (!(error instanceof CriError)) throw error;
      const isPatient = last !== undefined && nowMs() - last.atMs < PATIENCE_MS;
      if (last !== undefined && isPatient) return nodeStatus({ ...fixed, ...last.answer, nowMs: nowMs() }, earlier);
      const runtimeVersion = earlier?.nodeInfo?.containerRuntimeVersion ?? "";
      const failed = { runtimeVersion, runtime: { failure: error.details }, images: [] };
      return nodeStatus({ ...fixed, ...failed, nowMs: nowMs() }, earlier);
    }
  };
}

async function ask(cri: NodeObserverDeps["cri"]): Promise<Answer> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const [{ runtimeName, runtimeVersion }, { status }, { images }] = await Promise.all([
    cri.version({}, signal),
    cri.status({}, signal),
    cri.listImages({}, signal),
  ]);
  return {
    runtimeVersion: `${runtimeName}://${runtimeVersion.replace(/~.*$/, "")}`,
    runtime: { conditions: status?.conditions ?? [] },
    images: images.map(({ repoTags, repoDigests, size }) => ({
      names: [...repoDigests, ...repoTags],
      sizeBytes: Number(size),
    })),
  };
}
