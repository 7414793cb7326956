/** A running cluster for tests that break parts of it: its API, its nodes and pods from inside, and what may be killed. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { type Pod, pod as podKind } from "#api/kinds/pod/pod.ts";
import { createInformer } from "#api-client/create-informer.ts";
import { createHttpClient } from "#api-client/http-client.ts";
import { loadKubeconfig } from "#api-client/kubeconfig.ts";
import { type IpAddress, parseAddress } from "#base/ip-address.ts";
import { clusterPaths } from "#cluster/cluster-paths.ts";
import { enterNode } from "#cluster/enter-node.ts";
import { askKeeper } from "#cluster/keeper/ask-keeper.ts";
import type { ClusterStatus, ComponentStatus, NodeStatusReport } from "#cluster/keeper/cluster-status.ts";
import type { KeeperRequest } from "#cluster/keeper/keeper-protocol.ts";
import { openClusterAccess } from "#cluster/open-cluster-access.ts";
import { runProgram } from "#cluster/program.ts";
import { waitForLogLine } from "#cluster/wait-for-log-line.ts";
import { type Netns, openNetns } from "#kernel/netns/netns.ts";
import type { AccessPod } from "#trace/cluster-access.ts";
import { kubectlOf, podwire } from "./podwire-command.ts";

export interface FaultCluster extends AsyncDisposable {
  readonly name: string;
  readonly kubeconfig: string;
  readonly nodeNames: readonly string[];
  /** Rejects when it fails. */
  kubectl(...args: readonly string[]): Promise<string>;
  apply(...objects: readonly object[]): Promise<void>;
  status(): Promise<ClusterStatus>;
  ask(request: KeeperRequest): Promise<void>;
  node(name: string): Promise<NodeStatusReport & { readonly initPid: number }>;
  /** Runs a shell script in a node. Rejects when it fails. */
  inNode(name: string, script: string): Promise<string>;
  /** In the namespace that lies between the nodes. */
  inUnderlay(script: string): Promise<string>;
  /** By name, among all that have a sandbox. */
  pod(name: string): Promise<FaultPod>;
  /** Kills a component, resolves when it does its work again. `node` is undefined for the control plane. */
  kill(component: string, node?: string): Promise<void>;
}

export interface FaultPod extends Disposable {
  readonly name: string;
  readonly node: string;
  readonly netns: Netns;
  readonly address: IpAddress;
}

const DEADLINE_MS = 60_000;
export const deadline = (ms = DEADLINE_MS): AbortSignal => AbortSignal.timeout(ms);

export async function startFaultCluster(
  name: string,
  nodes: number,
  options: readonly string[] = [],
): Promise<FaultCluster> {
  await podwire("up", "--name", name, "--nodes", String(nodes), ...options);
  const paths = clusterPaths(name, process.env);
  const kubectl = kubectlOf(paths.kubeconfig);
  const ask = async (request: KeeperRequest) => {
    const answer = await askKeeper(paths.socket, request, { signal: deadline() });
    if (answer === undefined) throw new Error(`the keeper of cluster "${name}" has gone`);
    return answer;
  };
  const status = async (): Promise<ClusterStatus> => {
    const { status: found } = await ask({ op: "status" });
    if (found === undefined) throw new Error("the keeper gave no status");
    return found;
  };
  const node: FaultCluster["node"] = async (nodeName) => {
    const found = (await status()).nodes.find((each) => each.name === nodeName);
    if (found?.initPid === undefined) throw new Error(`node "${nodeName}" does not run`);
    return { ...found, initPid: found.initPid };
  };
  return {
    name,
    kubeconfig: paths.kubeconfig,
    nodeNames: Array.from({ length: nodes }, (_, index) => `${name}-${index + 1}`),
    kubectl: (...args) => kubectl(args),
    async apply(...objects) {
      await kubectl(["apply", "-f", "-"], objects.map((object) => JSON.stringify(object)).join("\n"));
    },
    status,
    async ask(request) {
      await ask(request);
    },
    node,
    inNode: async (nodeName, script) => output(enterNode((await node(nodeName)).initPid, ["sh", "-ec", script])),
    async inUnderlay(script) {
      const { underlay } = await status();
      return output(["nsenter", `--net=${underlay.netnsPath}`, "--", "sh", "-ec", script]);
    },
    async pod(podName) {
      const { pods } = await openClusterAccess(name, deadline());
      const found = pods.find((each) => each.name === podName);
      if (found === undefined) throw new Error(`there is no pod "${podName}"`);
      return openPod(found);
    },
    async kill(component, nodeName) {
      const { components, nodes: all } = await status();
      const parts = nodeName === undefined ? components : all.find((each) => each.name === nodeName)?.components;
      await killAndWait(join(paths.logs, "keeper.log"), component, nodeName, parts ?? []);
    },
    async [Symbol.asyncDispose]() {
      await podwire("down", "--name", name);
    },
  };
}

export async function allPods({ name }: FaultCluster): Promise<readonly FaultPod[]> {
  const { pods } = await openClusterAccess(name, deadline());
  return pods.map(openPod);
}

function openPod({ name, node, netnsPath, ips: [address] }: AccessPod): FaultPod {
  if (netnsPath === undefined || address === undefined) throw new Error(`pod "${name}" has no sandbox`);
  const netns = openNetns(netnsPath);
  return { name, node, netns, address, [Symbol.dispose]: () => netns[Symbol.dispose]() };
}

async function killAndWait(
  path: string,
  component: string,
  node: string | undefined,
  parts: readonly ComponentStatus[],
): Promise<void> {
  const pid = parts.find(({ name }) => name === component)?.pid;
  if (pid === undefined) throw new Error(`${component} does not run`);
  const offset = statSync(path).size;
  process.kill(pid, "SIGKILL");
  const of = node === undefined ? "" : `node=${node} `;
  await waitForLogLine(
    { path, offset, pattern: new RegExp(`component started again ${of}component=${component} `) },
    deadline(2 * DEADLINE_MS),
  );
}

async function output(argv: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runProgram(argv, deadline());
  if (code !== 0) throw new Error(`"${argv.slice(-1)}" ended with ${code}: ${stderr}${stdout}`);
  return stdout;
}

/** Ends at once when it is told to, which a process 1 does not by itself. */
const SLEEP = "trap 'exit 0' TERM; sleep infinity & wait";

export function sleeperPod(name: string, node?: string, labels: Readonly<Record<string, string>> = {}): object {
  const spec = { ...sleeperSpec(), ...(node !== undefined && { nodeName: node }) };
  return { apiVersion: "v1", kind: "Pod", metadata: { name, labels }, spec };
}

function sleeperSpec() {
  return {
    // With 0 the API would forget a pod before its node has.
    terminationGracePeriodSeconds: 30,
    containers: [{ name: "c", image: "busybox", imagePullPolicy: "IfNotPresent", command: ["sh", "-c", SLEEP] }],
  };
}

export function sleeperDeployment(name: string, replicas: number): object {
  const labels = { app: name };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name },
    spec: {
      replicas,
      progressDeadlineSeconds: 600,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: sleeperSpec() },
    },
  };
}

/** Resolves when the API says so of a pod. */
export async function untilPod(
  { kubeconfig }: FaultCluster,
  name: string,
  isSo: (pod: Pod) => boolean,
  signal: AbortSignal,
): Promise<void> {
  using client = createHttpClient(loadKubeconfig(kubeconfig), { userAgent: "podwire-test" });
  const found = Promise.withResolvers<void>();
  await using pods = createInformer({ client, kind: podKind, onError: found.reject });
  const look = (pod: Pod): void => {
    if (pod.metadata.name === name && isSo(pod)) found.resolve();
  };
  using _pods = pods.subscribe({ onAdd: look, onUpdate: look, onDelete: () => undefined });
  const abort = (): void =>
    found.reject(new Error(`pod "${name}" is not so: ${JSON.stringify(pods.get("default", name))}`));
  signal.addEventListener("abort", abort, { once: true });
  try {
    await found.promise;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** Of the container that a pod has now. */
export async function containersOf({ kubectl }: FaultCluster): Promise<readonly string[]> {
  const template = '{range .items[*]}{.metadata.name} {.status.containerStatuses[0].containerID}{"\\n"}{end}';
  const text = await kubectl("get", "pods", "-o", `jsonpath=${template}`);
  return text.split("\n").filter(Boolean).toSorted();
}

export function addressOf({ addresses }: NodeStatusReport): IpAddress {
  return parseAddress(addresses[0] ?? "");
}
