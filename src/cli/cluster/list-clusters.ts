/** The clusters of this machine by the folders that they have, whether their keepers are alive or were killed. */
import { readdirSync, rmdirSync } from "node:fs";
import { clusterFolders, isClusterName } from "#cluster/cluster-paths.ts";

type Environment = Readonly<Record<string, string | undefined>>;

export function listClusterNames(environment: Environment): readonly string[] {
  const { run, state } = clusterFolders(environment);
  return [...new Set([...foldersIn(run), ...foldersIn(state)])].filter(isClusterName).toSorted();
}

/** The last cluster takes the folder of clusters along. */
export function removeEmptyFolders(environment: Environment): void {
  for (const folder of Object.values(clusterFolders(environment))) {
    try {
      rmdirSync(folder);
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (code !== "ENOTEMPTY" && code !== "ENOENT") throw error;
    }
  }
}

function foldersIn(folder: string): readonly string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}
