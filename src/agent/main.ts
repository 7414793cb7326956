/** The agent, in the order in which it comes up; it goes down in reverse. */
import { mkdirSync } from "node:fs";
import { createLog, type Log } from "#base/log.ts";
import type { PluginOutput } from "#cni/plugin-main.ts";
import { type Netns, ownNetns } from "#kernel/netns/netns.ts";
import { AgentError } from "./agent-error.ts";
import { createAttachmentRelay } from "./attachment-listener.ts";
import { boundAgentHeap } from "./bound-agent-heap.ts";
import { openLedger } from "./ledger.ts";
import { listenLocal } from "./local-server.ts";
import { startDeadPodsLoop } from "./loops/dead-pods.ts";
import { startNatLoop } from "./loops/nat.ts";
import type { SourceOptions } from "./network/open-source.ts";
import type { AgentNetwork, NetworkDeps, NetworkOptions } from "./network/start-network.ts";
import { OBSERVE_REQUEST } from "./observe/observe-protocol.ts";
import type { AgentObserve, ObserveDeps } from "./observe/start-observe.ts";
import type { Cluster } from "./open-cluster.ts";
import { createPluginRunner } from "./plugin-runner.ts";
import type { AgentPolicy, PolicyDeps, PolicyOptions } from "./policy/start-policy.ts";
import { recover } from "./recover.ts";
import type { AgentServices, ServicesDeps, ServicesOptions } from "./services/start-services.ts";
import { tryStateLock, waitForStateLock } from "./state-lock.ts";
import { currentEpoch, statePaths } from "./state-paths.ts";
import { agentStatus, STATUS_REQUEST } from "./status.ts";
import { sizeThreadPool } from "./thread-pool.ts";

export interface AgentOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Ends the agent. */
  readonly signal: AbortSignal;
  readonly log?: Log;
  /** Absent: the agent serves the plugins alone, or pods' network is somebody else's. */
  readonly network?: NetworkOptions | undefined;
  /** The way to the API for the others. Default: that of the network. */
  readonly source?: SourceOptions | undefined;
  /** Absent: Services are somebody else's. Needs the Kubernetes API. */
  readonly services?: ServicesOptions | undefined;
  /** Absent: nobody enforces policies, or somebody else. Needs the Kubernetes API. */
  readonly policy?: PolicyOptions | undefined;
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
  stack.use(boundAgentHeap());
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
  const attachments = createAttachmentRelay();
  const runner = stack.use(createPluginRunner({ netns, ledger, epoch, attachments }));

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
  const source = options.source ?? options.network?.source;
  const cluster = source && stack.use(await openAgentCluster(source, environment, log));
  const services =
    options.services &&
    cluster &&
    stack.use(await startAgentServices(options.services, { cluster, netns: host.netns, log }));
  const policy =
    options.policy &&
    cluster &&
    stack.use(await startAgentPolicy(options.policy, { cluster, netns: host.netns, ledger, log }));
  if (policy) stack.use(attachments.follow(policy.attachments));
  if (cluster && !policy) await removeAgentPolicy(host.netns, log);
  const observe =
    options.policy &&
    cluster &&
    policy &&
    stack.use(
      await startAgentObserve({
        cluster,
        netns: host.netns,
        nodeName: options.policy.nodeName,
        namesServices: options.services !== undefined,
        drops: policy.drops,
        log,
        signal,
      }),
    );
  const nat: NetworkDeps["nat"] = {
    setPodNetworks(networks) {
      services?.setPodNetworks(networks);
      return natLoop.setPodNetworks(networks);
    },
  };
  const network =
    options.network && stack.use(await startAgentNetwork(options.network, { host, nat, ledger, cluster, log }));
  stack.use(
    await listenLocal(paths.socket, (request) => {
      if (request.plugin === OBSERVE_REQUEST) return answerObserve(observe, request.stdin);
      if (request.plugin !== STATUS_REQUEST) return runner.run(request);
      const { dnsSocket } = paths;
      return agentStatus({ ledger, epoch, startedAt, natLoop, host, network, services, policy, dnsSocket });
    }),
  );
  log.info("agent ready", { socket: paths.socket, attachments: ledger.all().length });
  onReady?.(paths.socket);
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  log.info("agent stops");
}

/** Undefined when the network follows something else. Loaded when it is wanted: it is as large as all the rest. */
async function openAgentCluster(
  source: SourceOptions,
  environment: AgentOptions["environment"],
  log: Log,
): Promise<Cluster | undefined> {
  if (source.type === "etcd") return undefined;
  const { openCluster, shareCluster } = await import("./open-cluster.ts");
  if (source.type === "client") return shareCluster(source.client, log);
  return openCluster({ kubeconfig: source.kubeconfig, environment, log });
}

async function startAgentServices(options: ServicesOptions, deps: ServicesDeps): Promise<AgentServices> {
  const { startServices } = await import("./services/start-services.ts");
  return startServices(deps, options);
}

async function startAgentPolicy(options: PolicyOptions, deps: PolicyDeps): Promise<AgentPolicy> {
  const { startPolicy } = await import("./policy/start-policy.ts");
  return startPolicy(deps, options);
}

async function startAgentObserve(deps: ObserveDeps): Promise<AgentObserve> {
  const { startObserve } = await import("./observe/start-observe.ts");
  return startObserve(deps);
}

async function answerObserve(observe: AgentObserve | undefined, query: Buffer): Promise<PluginOutput> {
  if (observe) return observe.answer(query.toString());
  const stderr = "this agent records no flows: it does not enforce policies\n";
  return { stdout: "", stderr, exitCode: 1 };
}

async function removeAgentPolicy(netns: Netns, log: Log): Promise<void> {
  const { removePolicy } = await import("./policy/remove-policy.ts");
  await removePolicy(netns, log);
}

async function startAgentNetwork(options: NetworkOptions, deps: NetworkDeps): Promise<AgentNetwork> {
  const { startNetwork } = await import("./network/start-network.ts");
  return startNetwork(deps, options);
}
