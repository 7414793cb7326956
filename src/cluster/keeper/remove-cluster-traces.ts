/**
 * What a cluster leaves whose keeper was killed: processes that are still dying, control groups, folders, the host's
 * link. The caller holds the cluster's lock, so no keeper of it is alive. May be cut short, and done again.
 */
import { readdir } from "node:fs/promises";
import { endCgroupProcesses } from "../cgroups.ts";
import type { ClusterPaths } from "../cluster-paths.ts";
import { endNodeProcesses, removeNodeTraces } from "../node-machine.ts";
import { removeUnderlayTraces } from "../underlay/underlay.ts";
import { controlCgroup, removeControlTraces } from "./start-control.ts";

export async function removeClusterTraces(name: string, paths: ClusterPaths, signal: AbortSignal): Promise<void> {
  await removeUnderlayTraces(name);
  const nodes = (await namesIn(paths.nodes)).map((node) => ({ name: node, stateDir: paths.nodes }));
  await Promise.all([
    endCgroupProcesses(controlCgroup(paths), signal),
    ...nodes.map(async (node) => {
      await endNodeProcesses(node, signal);
      await removeNodeTraces(node);
    }),
  ]);
  await removeControlTraces(paths);
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}
