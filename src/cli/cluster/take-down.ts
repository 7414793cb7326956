/** Takes a cluster down, or removes what one has left whose keeper was killed. */
import { existsSync } from "node:fs";
import { clusterPaths } from "#cluster/cluster-paths.ts";
import { askKeeper } from "#cluster/keeper/ask-keeper.ts";
import { CliError } from "../cli-error.ts";
import { removeEmptyFolders } from "./list-clusters.ts";

/** What was done, in words. Resolves when nothing of the cluster is left. */
export async function takeDown(name: string, signal: AbortSignal): Promise<string> {
  const paths = clusterPaths(name, process.env);
  const answer = await askKeeper(paths.socket, { op: "down" }, { signal });
  if (answer !== undefined) {
    const { processEnd } = await import("#kernel/process-end.ts");
    await processEnd(answer.keeperPid, signal);
    removeEmptyFolders(process.env);
    return "down";
  }
  if (!existsSync(paths.runDir) && !existsSync(paths.stateDir)) return "was not up";
  const [{ takeFolder }, { removeClusterTraces }] = await Promise.all([
    import("#cluster/keeper/take-folder.ts"),
    import("#cluster/keeper/remove-cluster-traces.ts"),
  ]);
  using folder = takeFolder(paths.runDir);
  if (folder === undefined) {
    const next = `try again: podwire down --name ${name}`;
    throw new CliError("failed", {
      what: `Cluster "${name}" is just starting or ending`,
      evidence: paths.runDir,
      next,
    });
  }
  await removeClusterTraces(name, paths, signal);
  folder.remove();
  removeEmptyFolders(process.env);
  return "was not up; what was left of it is removed";
}
