/** Brings an image file that people have (docker save, an OCI archive) to a cluster: its registry, and running nodes. */
import { createCriClient } from "#cri/cri-client.ts";
import { ClusterError } from "../cluster-error.ts";
import type { Cluster } from "./start-cluster.ts";

/** Gives the names that the file holds. Nodes that have an image of such a name get the new one. */
export async function loadImage(
  { registry, nodes }: Pick<Cluster, "registry" | "nodes">,
  path: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { names } = await registry.load(path, signal).catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause);
    const next = "give a file that docker save, podman save or ctr images export has written";
    throw new ClusterError("failed", { what: `Cannot load "${path}"`, why, next }, { cause });
  });
  const machines = nodes.flatMap((node) => node.machine() ?? []);
  await Promise.all(
    machines.map(async ({ name: node, criSocket }) => {
      using cri = createCriClient(criSocket);
      for (const image of names) {
        await cri.pullImage({ image: { image } }, signal).catch((cause: unknown) => {
          const why = cause instanceof Error ? cause.message : String(cause);
          throw new ClusterError(
            "failed",
            { what: `Cannot load image "${image}" into node "${node}"`, why },
            { cause },
          );
        });
      }
    }),
  );
  return names;
}
