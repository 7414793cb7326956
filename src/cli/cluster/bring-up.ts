/** Brings a cluster up, for `podwire up` and for commands that need one. */
import { clusterPaths } from "#cluster/cluster-paths.ts";
import { askKeeper } from "#cluster/keeper/ask-keeper.ts";
import type { ClusterSpec } from "#cluster/keeper/cluster-spec.ts";
import type { ClusterStatus } from "#cluster/keeper/cluster-status.ts";
import type { PhaseMessage } from "#cluster/keeper/keeper-protocol.ts";
import { serverVersion } from "#control-plane/http/server-version.ts";
import packageJson from "../../../package.json" with { type: "json" };
import { CliError } from "../cli-error.ts";
import { createPhases } from "../output/phases.ts";
import { clusterPrograms, ensureClusterPrograms } from "./cluster-programs.ts";
import { requirePrograms } from "./require-programs.ts";
import { keeperEnd, startKeeper } from "./start-keeper.ts";

export interface BringUpOptions {
  readonly spec: ClusterSpec;
  /** Fields that somebody asked for: a cluster that is up already must have them so. */
  readonly given: readonly (keyof ClusterSpec)[];
  /** For nodes to become ready. */
  readonly timeoutMs: number;
  /** Gets a line for each phase. */
  readonly say: (line: string) => unknown;
}

/** For everything before nodes can become ready. */
export const START_SECONDS = 60;

/** Resolves when the cluster's nodes are ready, or when it was up before. Rejects when another one has the name. */
export async function bringUp(options: BringUpOptions, signal: AbortSignal): Promise<ClusterStatus> {
  const { spec, say } = options;
  const { socket } = clusterPaths(spec.name, process.env);
  const earlier = (await askKeeper(socket, { op: "status" }, { signal }))?.status;
  if (earlier !== undefined) requireSame(options, earlier);
  if (earlier?.state !== "ready" && earlier?.state !== "degraded") return await startCluster(options, signal);
  say(`cluster "${spec.name}" was up already`);
  return earlier;
}

/** Starts the cluster, or follows another command that has just begun to. */
async function startCluster(options: BringUpOptions, signal: AbortSignal): Promise<ClusterStatus> {
  const { spec, timeoutMs, say } = options;
  const startedMs = performance.now();
  const onPhase = ({ name, durationMs }: Omit<PhaseMessage, "kind">): void =>
    void say(`${String(durationMs).padStart(6)} ms  ${name}`);
  const since = (): number => Math.round(performance.now() - startedMs);
  const paths = clusterPaths(spec.name, process.env);
  requirePrograms(spec);
  const programs = clusterPrograms();
  const isNew = await ensureClusterPrograms(programs, signal);
  if (isNew) onPhase({ name: "Podwire bundled for nodes", durationMs: since() });
  const keeper = {
    ...programs,
    spec,
    paths,
    version: serverVersion(packageJson.version).gitVersion,
    readyTimeoutMs: timeoutMs,
  };
  const { child } = await createPhases(say).run("keeper started", () => startKeeper(keeper, signal));
  try {
    const answer = await askKeeper(paths.socket, { op: "follow" }, { signal, onPhase });
    if (answer?.status === undefined) throw new CliError("failed", { what: "The cluster's keeper has gone" });
    requireSame(options, answer.status);
    onPhase({ name: "in all", durationMs: since() });
    return answer.status;
  } catch (error) {
    // Half a cluster is of no use to anybody: what this command started goes down with it.
    if (child !== undefined && signal.aborted) child.kill("SIGTERM");
    if (child !== undefined && (signal.aborted || (await isGoingDown(paths.socket)))) await keeperEnd(child);
    throw error;
  }
}

/** Whether the keeper goes down, as it does when something could not be started. */
async function isGoingDown(socket: string): Promise<boolean> {
  const answer = await askKeeper(socket, { op: "status" }, { signal: AbortSignal.timeout(5000) }).catch(
    () => undefined,
  );
  return answer?.status === undefined || answer.status.state === "stopping";
}

/** A name stands for one cluster: another one under it is an error, the same one is already there. */
function requireSame({ spec, given }: BringUpOptions, { spec: running }: ClusterStatus): void {
  const differing = given.flatMap((field) => {
    const [wanted, has] = [JSON.stringify(spec[field]), JSON.stringify(running[field])];
    return wanted === has ? [] : [`${field} is ${has}, not ${wanted}`];
  });
  if (differing.length === 0) return;
  throw new CliError("failed", {
    what: `The name "${spec.name}" is in use by another cluster`,
    why: differing.join("\n"),
    next: `choose another --name, or take it down first: podwire down --name ${spec.name}`,
  });
}
