/** A Node's labels and status. Source: Kubernetes documentation, "Node Status", "Well-Known Labels". */
import { isIP } from "node:net";
import type { NodeAddress, NodeCondition, NodeStatus } from "#api/kinds/node/node-status.ts";
import { timeText } from "../status/container-statuses.ts";
import type { MachineFacts } from "./machine-facts.ts";

export interface RuntimeCondition {
  readonly type: string;
  readonly status: boolean;
  readonly message: string;
}

export interface NodeInput {
  readonly nodeName: string;
  readonly ips: readonly string[];
  readonly machine: MachineFacts;
  readonly maxPods: number;
  readonly kubeletPort: number;
  readonly kubeletVersion: string;
  /** "containerd://1.6.20" */
  readonly runtimeVersion: string;
  /** What CRI says of itself; undefined when it does not answer, with the reason. */
  readonly runtime: { readonly conditions: readonly RuntimeCondition[] } | { readonly failure: string };
  readonly images: readonly { readonly names: readonly string[]; readonly sizeBytes: number }[];
  readonly nowMs: number;
}

const MAX_IMAGES = 50;

export function nodeLabels({ nodeName, machine }: Pick<NodeInput, "nodeName" | "machine">): Record<string, string> {
  return {
    "beta.kubernetes.io/arch": machine.architecture,
    "beta.kubernetes.io/os": "linux",
    "kubernetes.io/arch": machine.architecture,
    "kubernetes.io/hostname": nodeName,
    "kubernetes.io/os": "linux",
  };
}

export function capacityOf({ machine, maxPods }: Pick<NodeInput, "machine" | "maxPods">): Record<string, string> {
  return {
    cpu: String(machine.cpus),
    "ephemeral-storage": `${Math.floor(machine.diskBytes / 1024)}Ki`,
    "hugepages-1Gi": "0",
    "hugepages-2Mi": "0",
    memory: `${Math.floor(machine.memoryBytes / 1024)}Ki`,
    pods: String(maxPods),
  };
}

export function nodeStatus(input: NodeInput, earlier: NodeStatus = {}): NodeStatus {
  const { machine, nodeName, ips } = input;
  const capacity = capacityOf(input);
  const addresses: readonly NodeAddress[] = [
    ...ips.filter((ip) => isIP(ip) !== 0).map((address) => ({ type: "InternalIP", address })),
    { type: "Hostname", address: nodeName },
  ];
  return {
    capacity,
    allocatable: capacity,
    conditions: nodeConditions(input, earlier.conditions ?? []),
    addresses,
    daemonEndpoints: { kubeletEndpoint: { Port: input.kubeletPort } },
    nodeInfo: {
      machineID: machine.machineId,
      systemUUID: machine.systemUuid,
      bootID: machine.bootId,
      kernelVersion: machine.kernelVersion,
      osImage: machine.osImage,
      containerRuntimeVersion: input.runtimeVersion,
      kubeletVersion: input.kubeletVersion,
      kubeProxyVersion: input.kubeletVersion,
      operatingSystem: "linux",
      architecture: machine.architecture,
    },
    images: input.images
      .toSorted((one, other) => other.sizeBytes - one.sizeBytes)
      .slice(0, MAX_IMAGES)
      .map(({ names, sizeBytes }) => ({ names, sizeBytes })),
  };
}

type Verdict = Pick<NodeCondition, "status" | "reason" | "message">;

/** Memory, disk and process ids are not watched: the three conditions never hold. */
const NO_PRESSURE: readonly (readonly [string, Verdict])[] = [
  [
    "MemoryPressure",
    { status: "False", reason: "KubeletHasSufficientMemory", message: "kubelet has sufficient memory available" },
  ],
  ["DiskPressure", { status: "False", reason: "KubeletHasNoDiskPressure", message: "kubelet has no disk pressure" }],
  [
    "PIDPressure",
    { status: "False", reason: "KubeletHasSufficientPID", message: "kubelet has sufficient PID available" },
  ],
];

function nodeConditions(input: NodeInput, earlier: readonly NodeCondition[]): readonly NodeCondition[] {
  const now = timeText(input.nowMs);
  const own = [...NO_PRESSURE, ["Ready", readyVerdict(input)] as const].map(([type, verdict]): NodeCondition => {
    const before = earlier.find((each) => each.type === type);
    const since = before?.status === verdict.status ? before.lastTransitionTime : undefined;
    return { type, ...verdict, lastHeartbeatTime: now, lastTransitionTime: since ?? now };
  });
  const names = new Set(own.map(({ type }) => type));
  return [...earlier.filter(({ type }) => !names.has(type)), ...own];
}

function readyVerdict({ runtime }: NodeInput): Verdict {
  const problems =
    "failure" in runtime ? [`container runtime is down: ${runtime.failure}`] : problemsOf(runtime.conditions);
  if (problems.length === 0)
    return { status: "True", reason: "KubeletReady", message: "kubelet is posting ready status" };
  return { status: "False", reason: "KubeletNotReady", message: problems.join(", ") };
}

const PROBLEM_TITLES: Readonly<Record<string, string>> = {
  RuntimeReady: "container runtime not ready: RuntimeReady=false",
  NetworkReady: "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady",
};

export function problemsOf(conditions: readonly RuntimeCondition[]): readonly string[] {
  return conditions.flatMap(({ type, status, message }) => {
    const title = PROBLEM_TITLES[type];
    return status || title === undefined ? [] : [`${title} message:${message}`];
  });
}
