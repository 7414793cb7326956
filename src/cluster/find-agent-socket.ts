/** Where a node's agent listens, as this machine sees it. */
import { stat } from "node:fs/promises";
import { statePaths } from "#agent/state-paths.ts";

/** `initPid`: process 1 of the node. Rejects with ENOENT when it does not run. */
export async function findAgentSocket(initPid: number): Promise<string> {
  const { ino: inode } = await stat(`/proc/${initPid}/ns/net`);
  return `/proc/${initPid}/root${statePaths({ inode }, {}).socket}`;
}
