/**
 * Time to a cluster that serves: from `podwire up` to the first answer of a pod, in stages that are named as in minikube's
 * time-to-k8s benchmark, next to the time that one containerd needs in the same round. There is no cluster DNS yet, so
 * its two stages are missing.
 */
import { setTimeout as pass } from "node:timers/promises";
import { deployment } from "#api/kinds/deployment.ts";
import { namespace } from "#api/kinds/namespace.ts";
import { type Pod, pod } from "#api/kinds/pod/pod.ts";
import { service } from "#api/kinds/service/service.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import { median, ratio } from "#bench/statistics.ts";
import { BYTECODE_STAGES } from "#cli/bytecode-stages.ts";
import { runProgram } from "#cluster/program.ts";
import { startBenchCluster } from "../bench-cluster.ts";
import { waitForObjects } from "../wait-for-objects.ts";
import { timeBareContainerd } from "./bare-containerd.ts";

export const stages = [
  "command exec",
  "apiserver answering",
  "kubernetes svc",
  "app running",
  "app answering",
] as const;
export type Stage = (typeof stages)[number];

export interface BootRequest {
  readonly podwire: readonly string[];
  readonly binDir: string;
  readonly stateDir: string;
  readonly nodeCounts: readonly number[];
  readonly rounds: number;
}

export interface BootFigure {
  readonly nodes: number;
  /** Of each round, in milliseconds. */
  readonly stages: Readonly<Record<Stage, readonly number[]>>;
  readonly totalMs: readonly number[];
  readonly containerdMs: readonly number[];
  /** Median of the rounds' ratios of total to containerd. */
  readonly ratioToContainerd: number;
  /** Resident, of all programs of ours and of containerd, when the pod has answered. */
  readonly memoryBytes: number;
}

const CONTAINERD_STARTS = 5;
const TITLE = "Welcome to nginx!";
/** As it is on a machine where a cluster has run before: see bytecode-stages.ts. */
const UNTIL_BYTECODE_IS_KEPT_MS = Math.max(...BYTECODE_STAGES.map(({ afterMs }) => afterMs)) + 1_000;
const ANSWER_TIMEOUT_SECONDS = 30;

export async function runBootBench(
  request: BootRequest,
  progress: (line: string) => void,
  signal: AbortSignal,
): Promise<readonly BootFigure[]> {
  const figures: BootFigure[] = [];
  for (const nodes of request.nodeCounts) {
    const runs: Run[] = [];
    // The first one fills caches, and does not count.
    for (let round = 0; round <= request.rounds; round++) {
      progress(
        `${nodes} ${nodes === 1 ? "node" : "nodes"}: ${round === 0 ? "warm-up" : `round ${round} of ${request.rounds}`}`,
      );
      const containerdMs = await timeContainerd(request, signal);
      const isWarmUp = round === 0;
      const run = { containerdMs, ...(await measureBoot(request, { nodes, isWarmUp }, signal)) };
      if (!isWarmUp) runs.push(run);
    }
    figures.push(figureOf(nodes, runs));
  }
  return figures;
}

/** The median of a few, which together take a tenth of a boot: one alone is a third shorter or longer than the next. */
async function timeContainerd(request: BootRequest, signal: AbortSignal): Promise<number> {
  const samples: number[] = [];
  for (let start = 0; start < CONTAINERD_STARTS; start++) samples.push(await timeBareContainerd(request, signal));
  return median(samples);
}

interface Run {
  readonly containerdMs: number;
  readonly stages: Readonly<Record<Stage, number>>;
  readonly memoryBytes: number;
}

async function measureBoot(
  { podwire }: BootRequest,
  { nodes, isWarmUp }: { readonly nodes: number; readonly isWarmUp: boolean },
  signal: AbortSignal,
): Promise<Omit<Run, "containerdMs">> {
  let lastMs = performance.now();
  const lap = (): number => {
    const nowMs = performance.now();
    const durationMs = nowMs - lastMs;
    lastMs = nowMs;
    return durationMs;
  };
  await using cluster = await startBenchCluster({ podwire, name: "bench", nodes }, signal);
  const { client, status } = cluster;
  const commandExec = lap();
  await client.list(namespace, {}, signal);
  const apiserverAnswering = lap();
  await waitForObjects(
    client,
    {
      kind: service,
      query: { namespace: "default", fieldSelector: "metadata.name=kubernetes" },
      what: "the Service kubernetes is there",
      isDone: ({ length }) => length > 0,
    },
    signal,
  );
  const kubernetesSvc = lap();
  const running = await runApp(client, signal);
  const appRunning = lap();
  const initPid = status.nodes.find(({ name }) => name === running.spec.nodeName)?.initPid ?? 0;
  await askApp(initPid, running.status?.podIP ?? "", signal);
  const appAnswering = lap();
  if (isWarmUp) await pass(UNTIL_BYTECODE_IS_KEPT_MS, undefined, { signal });
  const components = [...status.components, ...status.nodes.flatMap((node) => node.components)];
  return {
    stages: {
      "command exec": commandExec,
      "apiserver answering": apiserverAnswering,
      "kubernetes svc": kubernetesSvc,
      "app running": appRunning,
      "app answering": appAnswering,
    },
    memoryBytes: components.reduce((sum, { rssBytes = 0 }) => sum + rssBytes, 0),
  };
}

/** As `kubectl create deployment web --image=nginx`. */
async function runApp(client: ApiClient, signal: AbortSignal): Promise<Pod> {
  const labels = { app: "web" };
  await client.create(
    deployment,
    {
      metadata: { name: "web", namespace: "default" },
      spec: {
        replicas: 1,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: "nginx", image: "nginx" }] } },
      },
    },
    signal,
  );
  const isReady = ({ status }: Pod): boolean =>
    status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true;
  const query = { namespace: "default", labelSelector: "app=web" };
  const pods = await waitForObjects(
    client,
    { kind: pod, query, what: "the pod is ready", isDone: (pods) => pods.some(isReady) },
    signal,
  );
  const ready = pods.find(isReady);
  if (ready === undefined) throw new Error("Cannot measure: no pod is ready");
  return ready;
}

/** From the pod's node. nginx listens a moment after its start, and nothing tells when. */
async function askApp(initPid: number, address: string, signal: AbortSignal): Promise<void> {
  const script = `until busybox wget -q -O - http://${address}/ 2>/dev/null; do :; done`;
  const argv = ["timeout", String(ANSWER_TIMEOUT_SECONDS), "sh", "-c", script];
  const { stdout } = await runProgram(["nsenter", `--target=${initPid}`, "--net", "--", ...argv], signal);
  if (!stdout.includes(TITLE)) throw new Error(`Cannot measure: the pod at ${address} does not answer`);
}

function figureOf(nodes: number, runs: readonly Run[]): BootFigure {
  const totalMs = runs.map((run) => stages.reduce((sum, stage) => sum + run.stages[stage], 0));
  const containerdMs = runs.map((run) => run.containerdMs);
  const byStage = (stage: Stage): readonly number[] => runs.map((run) => run.stages[stage]);
  return {
    nodes,
    stages: {
      "command exec": byStage("command exec"),
      "apiserver answering": byStage("apiserver answering"),
      "kubernetes svc": byStage("kubernetes svc"),
      "app running": byStage("app running"),
      "app answering": byStage("app answering"),
    },
    totalMs,
    containerdMs,
    ratioToContainerd: median(totalMs.flatMap((total, round) => ratio(total, containerdMs[round]) ?? [])),
    memoryBytes: median(runs.map((run) => run.memoryBytes)),
  };
}
