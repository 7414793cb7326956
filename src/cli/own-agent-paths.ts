/** Where the agent of this process's network namespace keeps its socket and state. */
import { statSync } from "node:fs";
import type { StatePaths } from "#agent/state-paths.ts";

export async function ownAgentPaths(environment: Readonly<Record<string, string | undefined>>): Promise<StatePaths> {
  const { statePaths } = await import("#agent/state-paths.ts");
  return statePaths({ inode: statSync("/proc/self/ns/net").ino }, environment);
}
