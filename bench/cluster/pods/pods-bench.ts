/**
 * Pods per second of one node: created through the API until all are ready and deleted until none is left, against the
 * same number of pods that a bare containerd with the reference plugins runs over CRI. Both stand from the start and
 * take turns.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Pod, pod } from "#api/kinds/pod/pod.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import { median, ratio } from "#bench/statistics.ts";
import { buildImages } from "#cluster/images.ts";
import { type NodeSandbox, startNode } from "#cluster/node-sandbox.ts";
import { runPod } from "#cluster/pod.ts";
import { removePod } from "#cluster/pod-sandbox.ts";
import { startBenchCluster } from "../bench-cluster.ts";
import { waitForObjects } from "../wait-for-objects.ts";

export const podContestants = ["podwire", "containerd"] as const;
export type PodContestant = (typeof podContestants)[number];

export interface PodsRequest {
  readonly podwire: readonly string[];
  readonly referenceDir: string;
  readonly stateDir: string;
  readonly imageDir: string;
  readonly pods: number;
  /** Of containerd alone, pods at a time. */
  readonly lanes: number;
  readonly rounds: number;
}

export interface PodsFigure {
  readonly contestant: PodContestant;
  readonly what: "start" | "stop";
  readonly podsPerSecond: readonly number[];
  readonly median: number;
  readonly ratioToContainerd?: number;
}

interface Contender {
  readonly name: PodContestant;
  /** Resolves when all run. */
  start(count: number): Promise<void>;
  /** Resolves when none is left. */
  stop(): Promise<void>;
}

const WARM_UP_PODS = 4;
/** Ends when it is told to, as a good container does. */
const COMMAND = ["sh", "-c", "trap 'exit 0' TERM; sleep 2147483647 & wait"];

export async function runPodsBench(
  request: PodsRequest,
  progress: (line: string) => void,
  signal: AbortSignal,
): Promise<readonly PodsFigure[]> {
  await using stack = new AsyncDisposableStack();
  progress("starting a cluster of one node, and a bare containerd");
  const cluster = stack.use(await startBenchCluster({ podwire: request.podwire, name: "bench", nodes: 1 }, signal));
  const node = stack.use(await startBareNode(request, signal));
  const contenders = [viaApi(cluster.client, signal), overCri(node, request.lanes, signal)];
  const rates: Record<PodContestant, Record<PodsFigure["what"], number[]>> = {
    podwire: { start: [], stop: [] },
    containerd: { start: [], stop: [] },
  };
  for (const contender of contenders) await measure(contender, WARM_UP_PODS);
  for (let round = 0; round < request.rounds; round++) {
    for (const contender of round % 2 === 0 ? contenders : contenders.toReversed()) {
      progress(`round ${round + 1} of ${request.rounds}: ${contender.name}`);
      const { start, stop } = await measure(contender, request.pods);
      rates[contender.name].start.push(start);
      rates[contender.name].stop.push(stop);
    }
  }
  return podContestants.flatMap((contestant) =>
    (["start", "stop"] as const).map((what): PodsFigure => {
      const own = rates[contestant][what];
      const ratios = own.flatMap((rate, round) => ratio(rate, rates.containerd[what][round]) ?? []);
      const compared = contestant === "containerd" ? {} : { ratioToContainerd: median(ratios) };
      return { contestant, what, podsPerSecond: own, median: median(own), ...compared };
    }),
  );
}

/** Pods per second. */
async function measure(contender: Contender, count: number): Promise<Readonly<Record<PodsFigure["what"], number>>> {
  const startedMs = performance.now();
  await contender.start(count);
  const runningMs = performance.now();
  await contender.stop();
  const goneMs = performance.now();
  return { start: (count * 1000) / (runningMs - startedMs), stop: (count * 1000) / (goneMs - runningMs) };
}

function viaApi(client: ApiClient, signal: AbortSignal): Contender {
  const query = { namespace: "default", labelSelector: "app=bench" };
  const isReady = ({ status }: Pod): boolean =>
    status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true;
  let names: readonly string[] = [];
  return {
    name: "podwire",
    async start(count) {
      names = Array.from({ length: count }, (_, index) => `bench-${index}`);
      const container = { name: "main", image: "busybox", imagePullPolicy: "IfNotPresent", command: COMMAND } as const;
      const metadata = { namespace: "default", labels: { app: "bench" } };
      const spec = { containers: [container] };
      await Promise.all(names.map((name) => client.create(pod, { metadata: { ...metadata, name }, spec }, signal)));
      const isDone = (pods: readonly Pod[]): boolean => pods.length === count && pods.every(isReady);
      await waitForObjects(client, { kind: pod, query, what: `${count} pods are ready`, isDone }, signal);
    },
    async stop() {
      await Promise.all(names.map((name) => client.delete(pod, { namespace: "default", name }, {}, signal)));
      const isDone = ({ length }: readonly Pod[]): boolean => length === 0;
      await waitForObjects(client, { kind: pod, query, what: "no pod is left", isDone }, signal);
    },
  };
}

function overCri(node: NodeSandbox, lanes: number, signal: AbortSignal): Contender {
  let running: Awaited<ReturnType<typeof runPod>>[] = [];
  return {
    name: "containerd",
    async start(count) {
      running = [];
      await inLanes(count, lanes, async (index) => {
        running.push(await runPod({ node, name: `bench-${index}`, command: COMMAND }, signal));
      });
    },
    async stop() {
      await inLanes(running.length, lanes, async (index) => {
        const one = running[index];
        if (one !== undefined) await removePod(one, signal);
      });
    },
  };
}

async function inLanes(count: number, lanes: number, step: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await step(next++);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

/** containerd with the plugins of Debian's containernetworking-plugins, configured as Flannel's would delegate. */
async function startBareNode(request: PodsRequest, signal: AbortSignal): Promise<NodeSandbox> {
  const { referenceDir: binDir, stateDir, imageDir } = request;
  const confDir = join(stateDir, "conf");
  await mkdir(confDir, { recursive: true });
  const subnet = "10.245.0.0/24";
  const bridge = {
    type: "bridge",
    bridge: "cni0",
    isGateway: true,
    isDefaultGateway: true,
    hairpinMode: true,
    ipMasq: true,
    ipam: { type: "host-local", ranges: [[{ subnet }]] },
  };
  const plugins = [bridge, { type: "portmap", capabilities: { portMappings: true } }];
  await writeFile(join(confDir, "10-bench.conflist"), JSON.stringify({ cniVersion: "1.0.0", name: "bench", plugins }));
  const { pause, busybox } = await buildImages(imageDir, signal);
  return startNode({ name: "bare", stateDir, binDir, confDir, images: [pause, busybox] }, signal);
}
