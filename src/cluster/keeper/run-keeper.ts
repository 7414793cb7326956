/**
 * The process that a cluster lives in: it takes the cluster's name, removes what an earlier one left, starts everything,
 * answers on its socket until it is told to go, and takes everything down again. Killed, it takes the cluster along.
 */
import { createWriteStream } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createLog } from "#base/log.ts";
import { answerRequests } from "./answer-requests.ts";
import { type ClusterLifeOptions, startClusterLife } from "./cluster-life.ts";
import { listenKeeper } from "./keeper-server.ts";
import { removeClusterTraces } from "./remove-cluster-traces.ts";
import { takeFolder } from "./take-folder.ts";

/** What `up` hands to the keeper, as JSON. */
export type KeeperOptions = Omit<ClusterLifeOptions, "log">;

const TRACES_TIMEOUT_MS = 30_000;

/** Resolves when the cluster is down; false when another keeper has the name. */
export async function runKeeper(options: KeeperOptions, signal: AbortSignal): Promise<boolean> {
  const { spec, paths } = options;
  using folder = takeFolder(paths.runDir);
  if (folder === undefined) return false;
  const removeTraces = (): Promise<void> =>
    removeClusterTraces(spec.name, paths, AbortSignal.timeout(TRACES_TIMEOUT_MS));
  await removeTraces();
  try {
    await mkdir(paths.logs, { recursive: true, mode: 0o700 });
    await writeFile(paths.spec, `${JSON.stringify(spec, undefined, 2)}\n`, { mode: 0o600 });
  } catch (error) {
    await removeTraces();
    folder.remove();
    throw error;
  }
  const logFile = createWriteStream(keeperLog(options), { flags: "a" });
  logFile.on("error", () => undefined); // a full disk is told by who needs it; a cluster can go on without its log
  const log = createLog((line) => logFile.write(line));

  const gone = Promise.withResolvers<void>();
  gone.promise.catch(() => undefined); // told to those who asked, and below
  const life = startClusterLife({ ...options, log }, signal);
  const server = await listenKeeper(paths.socket, answerRequests(life, gone.promise));
  if (!life.stop.aborted) await new Promise((resolve) => life.stop.addEventListener("abort", resolve, { once: true }));
  try {
    await life.end();
    logFile.end();
    await removeTraces();
    folder.remove();
    gone.resolve();
  } catch (error) {
    gone.reject(error);
  }
  await server[Symbol.asyncDispose]();
  await gone.promise;
  return true;
}

export function keeperLog({ paths }: Pick<KeeperOptions, "paths">): string {
  return join(paths.logs, "keeper.log");
}
