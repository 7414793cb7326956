/**
 * A cluster in its keeper, from its start until it is told to go: programs first, then ready nodes. What cannot be
 * started goes down again; nodes that are not ready stay, to be looked at.
 */
import { join } from "node:path";
import { errorMessage } from "#base/error-message.ts";
import { ClusterError } from "../cluster-error.ts";
import type { ClusterStatus } from "./cluster-status.ts";
import { lastLines } from "./component.ts";
import { createProgress, type Progress } from "./progress.ts";
import { readStatus } from "./read-status.ts";
import { type Cluster, type ClusterOptions, startCluster } from "./start-cluster.ts";
import { type MissingNode, waitForNodes } from "./wait-for-nodes.ts";

export interface ClusterLifeOptions extends ClusterOptions {
  /** For nodes to become ready. */
  readonly readyTimeoutMs: number;
}

export interface ClusterLife {
  readonly progress: Progress;
  /** Resolves when all nodes are ready; rejects with ClusterError when they are not, or something could not start. */
  readonly ready: Promise<void>;
  /** Aborts when the cluster is to go down. */
  readonly stop: AbortSignal;
  status(): ClusterStatus;
  /** Throws ClusterError while it starts, and when it goes down. */
  cluster(): Cluster;
  /** Asks it to go down. */
  down(): void;
  /** Resolves when everything of it has ended; to be called after `stop`. */
  end(): Promise<void>;
}

const START_TIMEOUT_MS = 120_000;

/** Starts at once. `signal` asks it to go down, too. */
export function startClusterLife(options: ClusterLifeOptions, signal: AbortSignal): ClusterLife {
  const { spec, paths, log } = options;
  const down = new AbortController();
  const stop = AbortSignal.any([signal, down.signal]);
  const progress = createProgress();
  let phase: "starting" | "running" | "stopping" = "starting";
  let cluster: Cluster | undefined;

  async function startPrograms(): Promise<Cluster> {
    try {
      const starting = AbortSignal.any([stop, AbortSignal.timeout(START_TIMEOUT_MS)]);
      return await startCluster(options, progress, starting);
    } catch (cause) {
      log.error("cluster not started", { error: errorMessage(cause) });
      down.abort(cause);
      throw stop.reason instanceof ClusterError ? stop.reason : notStarted(cause, spec.name, progress.current);
    }
  }

  async function start(): Promise<void> {
    const running = await startPrograms();
    cluster = running;
    const waiting = AbortSignal.any([stop, AbortSignal.timeout(options.readyTimeoutMs)]);
    await progress.run("nodes ready", async () => {
      const missing = await waitForNodes(running, running.nodes, waiting);
      phase = "running";
      if (missing.length > 0) throw stop.aborted ? stop.reason : await notReady(missing, options);
    });
    log.info("cluster ready", { nodes: spec.nodes });
  }

  const ready = start();
  ready.catch(() => undefined); // told to those who follow
  return {
    progress,
    ready,
    stop,
    status: () => readStatus({ spec, paths, phase, cluster, nowMs: Date.now() }),
    cluster() {
      if (cluster !== undefined && !stop.aborted) return cluster;
      throw new ClusterError("failed", { what: `Cluster "${spec.name}" is ${phase}`, next: "wait for it: podwire up" });
    },
    down: () => down.abort(new ClusterError("interrupted", { what: `Cluster "${spec.name}" was taken down` })),
    async end() {
      phase = "stopping";
      await ready.catch(() => undefined);
      await cluster?.[Symbol.asyncDispose]();
    },
  };
}

/** With the last words of a node's logs. */
async function notReady(
  missing: readonly MissingNode[],
  { paths, readyTimeoutMs, spec }: ClusterLifeOptions,
): Promise<ClusterError> {
  const [first] = missing;
  const logs = ["kubelet", "agent"].map((name) => join(paths.logs, first?.name ?? "", `${name}.log`));
  const texts = await Promise.all(logs.map(async (path) => `${path}:\n${await lastLines(path)}`));
  return new ClusterError("failed", {
    what: `${missing.length} of ${spec.nodes} nodes are not ready after ${readyTimeoutMs} ms`,
    why: missing.map(({ name, why }) => `${name}: ${why}`).join("\n"),
    evidence: texts.join("\n"),
    next: `look around (podwire status --name ${spec.name}), or take it down: podwire down --name ${spec.name}`,
  });
}

function notStarted(cause: unknown, name: string, phases: readonly string[]): ClusterError {
  const why = errorMessage(cause);
  return new ClusterError(
    "failed",
    {
      what: `Cluster "${name}" could not be started`,
      why: phases.length === 0 ? why : `${why}\nunder way: ${phases.join("; ")}`,
      next: "everything of it is taken down again: correct the cause, then run podwire up",
    },
    { cause },
  );
}
