/** What a keeper does for each request that comes over its socket. */
import { ClusterError } from "../cluster-error.ts";
import type { ClusterLife } from "./cluster-life.ts";
import { didYouMean } from "./config-reader.ts";
import type { KeeperMessage, KeeperRequest } from "./keeper-protocol.ts";
import type { KeeperHandler } from "./keeper-server.ts";
import { loadImage } from "./load-image.ts";
import type { Cluster } from "./start-cluster.ts";
import { waitForNodes } from "./wait-for-nodes.ts";

const NODE_TIMEOUT_MS = 60_000;

/** `gone` resolves when nothing of the cluster is left. */
export function answerRequests(life: ClusterLife, gone: Promise<void>): KeeperHandler {
  return async (request, tell) => {
    switch (request.op) {
      case "follow": {
        using _phases = life.progress.subscribe(tell);
        await life.ready;
        return done({ status: life.status() });
      }
      case "status":
        return done({ status: life.status() });
      case "down":
        life.down();
        await gone;
        return done();
      case "node":
        await changeNode(life.cluster(), request, life.stop);
        return done();
      case "link":
        life.cluster().underlay.setLinkUp(request.node, request.up);
        return done();
      case "partition":
      case "heal":
        life.cluster().underlay[request.op](...request.nodes);
        return done();
      case "load-image":
        return done({ images: await loadImage(life.cluster(), request.path, life.stop) });
    }
  };
}

function done(parts: Omit<Extract<KeeperMessage, { kind: "done" }>, "kind" | "keeperPid"> = {}): KeeperMessage {
  return { kind: "done", keeperPid: process.pid, ...parts };
}

async function changeNode(
  cluster: Cluster,
  { node: name, action }: Extract<KeeperRequest, { op: "node" }>,
  signal: AbortSignal,
): Promise<void> {
  const { nodes } = cluster;
  const node = nodes.find((each) => each.name === name);
  if (node === undefined) {
    const names = nodes.map((each) => each.name);
    throw new ClusterError("usage", { what: `There is no node "${name}"`, why: didYouMean(name, names) });
  }
  if (action !== "start") return await node.stop(action);
  await node.start(signal);
  const waiting = AbortSignal.any([signal, AbortSignal.timeout(NODE_TIMEOUT_MS)]);
  const [missing] = await waitForNodes(cluster, [node], waiting);
  if (missing !== undefined)
    throw new ClusterError("failed", { what: `Node "${name}" is not ready`, why: missing.why });
}
