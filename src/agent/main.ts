/** The agent, in the order in which it comes up; it goes down in reverse. */
import { mkdirSync } from "node:fs";
import { createLog, type Log } from "#base/log.ts";
import { ownNetns } from "#kernel/netns/netns.ts";
import { AgentError } from "./agent-error.ts";
import { openLedger } from "./ledger.ts";
import { listenLocal } from "./local-server.ts";
import { startDeadPodsLoop } from "./loops/dead-pods.ts";
import { startNatLoop } from "./loops/nat.ts";
import type { AgentNetwork, NetworkDeps, NetworkOptions } from "./network/start-network.ts";
import { createPluginRunner } from "./plugin-runner.ts";
import { recover } from "./recover.ts";
import { tryStateLock, waitForStateLock } from "./state-lock.ts";
import { currentEpoch, statePaths } from "./state-paths.ts";
import { agentStatus, STATUS_REQUEST } from "./status.ts";
import { sizeThreadPool } from "./thread-pool.ts";

export interface AgentOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Ends the agent. */
  readonly signal: AbortSignal;
  readonly log?: Log;
  /** Absent: the agent serves the plugins alone. */
  readonly network?: NetworkOptions | undefined;
  /** Called when the socket accepts. */
  readonly onReady?: (socket: string) => void;
}

/** No verb of a one-shot process takes longer: its delegates are killed before. */
const VERB_DEADLINE_MS = 150_000;

/** Runs until `signal`. Throws AgentError when another agent serves this namespace. */
export async function runAgent(options: AgentOptions): Promise<void> {
  const { environment, signal, log = createLog(), onReady } = options;
  sizeThreadPool();
  await using stack = new AsyncDisposableStack();
  const startedAt = new Date();
  const netns = stack.use(ownNetns());
  const epoch = currentEpoch(netns);
  const paths = statePaths(netns, environment);
  mkdirSync(paths.runDir, { recursive: true, mode: 0o700 });
  const agentLock = tryStateLock(paths.agentLock, "exclusive");
  if (agentLock === undefined) throw new AgentError("alreadyRuns", paths.agentLock);
  stack.use(agentLock);
  const waiting = AbortSignal.any([signal, AbortSignal.timeout(VERB_DEADLINE_MS)]);
  const lock = stack.use(await waitForStateLock(paths.lock, waiting));
  if (signal.aborted) return;
  if (lock === undefined) throw new AgentError("verbUnderWay", paths.lock);
  const ledger = stack.use(openLedger(paths.ledgerDir, epoch, "cached"));
  const runner = stack.use(createPluginRunner({ netns, ledger, epoch }));

  const { deleted, failed } = await recover({ ledger, epoch, findPlugin: runner.findRecorded, scope: "everything" });
  for (const { containerId, network, phase } of deleted)
    log.info("attachment recovered", { network, containerId, phase });
  for (const { record, error } of failed) {
    log.error("attachment not recovered", {
      network: record.network,
      containerId: record.containerId,
      error: String(error),
    });
  }

  const { host, lock: verbLock, findRecorded: findPlugin } = runner;
  const natLoop = stack.use(startNatLoop({ host, ledger, log }));
  stack.use(startDeadPodsLoop({ host, ledger, epoch, findPlugin, lock: verbLock, log }));
  const network =
    options.network &&
    stack.use(await startAgentNetwork(options.network, { host, nat: natLoop, ledger, environment, log }));
  stack.use(
    await listenLocal(paths.socket, (request) =>
      request.plugin === STATUS_REQUEST
        ? agentStatus({ ledger, epoch, startedAt, natLoop, host, network })
        : runner.run(request),
    ),
  );
  log.info("agent ready", { socket: paths.socket, attachments: ledger.all().length });
  onReady?.(paths.socket);
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  log.info("agent stops");
}

/** Loaded when it is wanted: the client of the API is as large as all the rest. */
async function startAgentNetwork(options: NetworkOptions, deps: NetworkDeps): Promise<AgentNetwork> {
  const { startNetwork } = await import("./network/start-network.ts");
  return startNetwork(deps, options);
}
