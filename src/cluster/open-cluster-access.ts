/**
 * How a cluster of this machine is reached, for those who look at its network: its keeper knows the namespaces of nodes,
 * underlay and outside; the API knows the pods; each node's containerd knows which namespace is whose.
 */
import { stat } from "node:fs/promises";
import { AgentError } from "#agent/agent-error.ts";
import { askAgent } from "#agent/ask-agent.ts";
import { statePaths } from "#agent/state-paths.ts";
import { type AgentStatus, STATUS_REQUEST } from "#agent/status.ts";
import { type Pod, pod as podKind } from "#api/kinds/pod/pod.ts";
import { createHttpClient } from "#api-client/http-client.ts";
import { loadKubeconfig } from "#api-client/kubeconfig.ts";
import { parseAddress, parsePrefix } from "#base/ip-address.ts";
import { createCriClient } from "#cri/cri-client.ts";
import type { AccessLook, AccessNode, AccessPod, AttachmentRecord, ClusterAccess } from "#trace/cluster-access.ts";
import { ClusterError } from "./cluster-error.ts";
import { clusterPaths } from "./cluster-paths.ts";
import { CONTAINERD_SOCKET } from "./containerd-config.ts";
import { askKeeper } from "./keeper/ask-keeper.ts";
import type { ClusterStatus, NodeStatusReport } from "./keeper/cluster-status.ts";
import { readAttachments } from "./read-attachments.ts";
import { readDrops } from "./read-drops.ts";
import { sandboxNetnsPath } from "./sandbox-netns-path.ts";

/** It answers in milliseconds; one that hangs must not hold up those who look why. */
const AGENT_TIMEOUT_MS = 3_000;

/** Rejects with ClusterError when no cluster of that name is up. */
export async function openClusterAccess(
  name: string,
  signal: AbortSignal,
  look: AccessLook = "everything",
): Promise<ClusterAccess> {
  const status = await statusOf(name, signal);
  using client = createHttpClient(loadKubeconfig(status.kubeconfig), { userAgent: "podwire-access" });
  const [{ items }, found] = await Promise.all([
    client.list(podKind, {}, signal),
    Promise.all(status.nodes.map((node) => lookInto(node, look, signal))),
  ]);
  const namespaces = new Map(found.flatMap((node) => [...node.namespaces]));
  return {
    name,
    nodes: status.nodes.map((node, index) => ({ ...accessNode(node), ...found[index]?.held })),
    pods: items.filter(({ spec }) => spec?.nodeName).map((pod) => accessPod(pod, namespaces)),
    outside: { netnsPath: status.outside.netnsPath, addresses: status.outside.addresses.map(parseAddress) },
    between: [{ name: "underlay", netnsPath: status.underlay.netnsPath }],
    again: (what, later) => openClusterAccess(name, later, what),
    drops: async (sinceMicros, until) =>
      (await Promise.all(status.nodes.map((node) => readDrops(node, sinceMicros, until)))).flat(),
  };
}

async function statusOf(name: string, signal: AbortSignal): Promise<ClusterStatus> {
  const { socket } = clusterPaths(name, process.env);
  const status = (await askKeeper(socket, { op: "status" }, { signal }))?.status;
  if (status !== undefined && status.state !== "starting") return status;
  const why = status === undefined ? `nobody listens on ${socket}` : "it is still starting";
  throw new ClusterError("failed", { what: `Cluster "${name}" is not up`, why, next: "run: podwire up" });
}

function accessNode({ name, initPid, addresses, podCidrs }: NodeStatusReport): AccessNode {
  return {
    name,
    netnsPath: initPid === undefined ? undefined : `/proc/${initPid}/ns/net`,
    underlayAddresses: addresses.map(parseAddress),
    podCidrs: podCidrs.map(parsePrefix),
  };
}

function accessPod({ metadata, spec, status }: Pod, namespaces: ReadonlyMap<string, string>): AccessPod {
  const { namespace = "", name = "", uid = "" } = metadata;
  return {
    namespace,
    name,
    uid,
    node: spec?.nodeName ?? "",
    ips: (status?.podIPs ?? []).flatMap(({ ip }) => (ip ? [parseAddress(ip)] : [])),
    netnsPath: namespaces.get(uid),
    isHostNetwork: spec?.hostNetwork ?? false,
    phase: status?.phase,
    isBeingDeleted: metadata.deletionTimestamp !== undefined,
  };
}

interface NodeContents {
  /** Of the sandboxes that run: uid of the pod, path on this machine. */
  readonly namespaces: ReadonlyMap<string, string>;
  readonly held?: Pick<AccessNode, "attachments" | "records" | "sandboxIds">;
}

/** Nothing for a node that does not run. */
async function lookInto(
  { initPid, components }: NodeStatusReport,
  look: AccessLook,
  signal: AbortSignal,
): Promise<NodeContents> {
  const namespaces = new Map<string, string>();
  const containerd = components.find(({ name }) => name === "containerd");
  if (initPid === undefined || containerd?.state !== "running") return { namespaces };
  const rootPath = `/proc/${initPid}/root`;
  using cri = createCriClient(rootPath + CONTAINERD_SOCKET);
  // Before the runtime is asked: a record that is given up meanwhile is no leak.
  const isAsked =
    look === "everything" && components.some(({ name, state }) => name === "agent" && state === "running");
  const records = isAsked ? await readRecords(initPid, signal) : undefined;
  const { items } = await cri.listPodSandbox({}, signal);
  await Promise.all(
    items.map(async ({ id, metadata, state }) => {
      const path = state === "SANDBOX_READY" ? await sandboxNetnsPath(cri, id, signal) : undefined;
      if (metadata !== undefined && path !== undefined) namespaces.set(metadata.uid, rootPath + path);
    }),
  );
  const attachments = await readAttachments(rootPath, (containerId) => {
    const metadata = items.find(({ id }) => id === containerId)?.metadata;
    return metadata && `${metadata.namespace}/${metadata.name}`;
  });
  return { namespaces, held: { attachments, records, sandboxIds: new Set(items.map(({ id }) => id)) } };
}

/** Undefined when the agent does not answer. */
async function readRecords(initPid: number, signal: AbortSignal): Promise<readonly AttachmentRecord[] | undefined> {
  const { ino: inode } = await stat(`/proc/${initPid}/ns/net`);
  const question = { plugin: STATUS_REQUEST, environment: {}, stdin: Buffer.alloc(0) };
  const deadline = AbortSignal.timeout(AGENT_TIMEOUT_MS);
  try {
    const path = `/proc/${initPid}/root${statePaths({ inode }, {}).socket}`;
    const { stdout } = await askAgent(path, question, AbortSignal.any([signal, deadline]));
    // Printed by the agent from this type.
    const { attachments } = JSON.parse(stdout) as AgentStatus;
    return attachments.filter(({ phase }) => phase === "added");
  } catch (error) {
    if (error instanceof AgentError || (deadline.aborted && !signal.aborted)) return undefined;
    throw error;
  }
}
