/**
 * What policies take through the API, on a cluster of three nodes as `podwire up` makes it: control plane, agents and
 * kubelets are processes of their own. The numbers of policies go up in one round and down in the next.
 */
import { networkPolicy } from "#api/kinds/network-policy.ts";
import { openNetns } from "#kernel/netns/netns.ts";
import { writeSysctl } from "#kernel/sysctl.ts";
import { inLanes } from "../../api/in-lanes.ts";
import { startBenchCluster } from "../../cluster/bench-cluster.ts";
import { openBareTransaction } from "../bare-transaction.ts";
import { type ClusterMeasurement, clusterChanges, type PolicyWorkerOptions } from "../worker-protocol.ts";
import { startClusterPods } from "./cluster-pods.ts";
import {
  ALLOW_FRIENDS,
  fillerPolicy,
  fillerPolicyName,
  ISOLATE,
  LABEL_PORT,
  NAMESPACE,
  NODES,
  POLICY_PORT,
} from "./cluster-policies.ts";
import { type ChangedCluster, type GrowingSamples, measureChanges } from "./measure-changes.ts";
import { measureStarts } from "./measure-starts.ts";
import { openPacketWatch } from "./packet-watch.ts";
import { watchProgrammed } from "./programmed-watch.ts";

const CLUSTER = "bench";
const LANES = 8;
const FLOW_SECONDS = 1;
const FIXED = [ISOLATE, ALLOW_FRIENDS];
/** V8 compiles what runs often, in all processes. */
const WARM_UP_CHANGES = 20;

export async function measureCluster(
  { podwire, sizes, rounds, each, pods: starts }: PolicyWorkerOptions,
  progress: (line: string) => void,
  signal: AbortSignal,
): Promise<ClusterMeasurement> {
  await using stack = new AsyncDisposableStack();
  progress("starting a cluster of three nodes");
  const { client, status } = stack.use(await startBenchCluster({ podwire, name: CLUSTER, nodes: NODES }, signal));
  const nodes = status.nodes.map(({ name }) => name);
  const pods = stack.use(await startClusterPods(client, { cluster: CLUSTER, nodes }, signal));
  const programmed = stack.use(await watchProgrammed(client));
  const agents = status.nodes.flatMap(({ components }) =>
    components.flatMap(({ name, pid }) => (name === "agent" && pid !== undefined ? [pid] : [])),
  );
  const kernels = status.nodes.map(({ initPid }) => stack.use(openNetns(`/proc/${initPid}/ns/net`)));
  // Each datagram is a flow of its own, and another one in the tunnel: they shall not fill the tables of connections.
  for (const netns of kernels) writeSysctl(netns, "net/netfilter/nf_conntrack_udp_timeout", FLOW_SECONDS);
  const transactions = kernels.map((netns) => stack.use(openBareTransaction(netns)));
  const policyPackets = stack.use(openPacketWatch(pods.client, pods.servers, POLICY_PORT));
  const labelPackets = stack.use(openPacketWatch(pods.client, pods.servers, LABEL_PORT));
  const cluster: ChangedCluster = { client, programmed, policyPackets, labelPackets, agents, transactions };
  progress(`${starts} pods that start under default deny, and ${starts} without policies`);
  const [first] = status.nodes;
  const place = { node: first?.name ?? "", rootPath: `/proc/${first?.initPid}/root` };
  const startSamples = await measureStarts({ client, programmed, clientPod: pods.client, ...place }, starts, signal);
  for (const one of FIXED) await client.create(networkPolicy, one, signal);
  let fillers = 0;

  /** Policies in all, on every node. */
  async function setPolicies(count: number): Promise<void> {
    const wanted = Math.max(count - FIXED.length, 0);
    await inLanes(Math.abs(wanted - fillers), LANES, async (index) => {
      const number = Math.min(wanted, fillers) + index;
      if (wanted > fillers) await client.create(networkPolicy, fillerPolicy(number), signal);
      else await client.delete(networkPolicy, { namespace: NAMESPACE, name: fillerPolicyName(number) }, {}, signal);
    });
    fillers = wanted;
    await programmed.all(wanted + FIXED.length, signal);
  }

  const [fewest = 0] = sizes;
  await setPolicies(fewest);
  await measureChanges(cluster, { samples: emptySamples(fewest), each: WARM_UP_CHANGES }, signal);
  const all = sizes.map(emptySamples);
  for (let round = 0; round < rounds; round++) {
    for (const samples of round % 2 === 0 ? all : all.toReversed()) {
      progress(`round ${round + 1} of ${rounds}: ${samples.policies} policies`);
      await setPolicies(samples.policies);
      await measureChanges(cluster, { samples, each }, signal);
    }
  }
  return { changes: all, starts: startSamples };
}

function emptySamples(policies: number): GrowingSamples {
  const empty = () => ({
    answeredMs: [] as number[],
    firstNodeMs: [] as number[],
    enforcedMs: [] as number[],
    programmedMs: [] as number[],
  });
  // One entry for each.
  const changes = Object.fromEntries(clusterChanges.map((name) => [name, empty()])) as GrowingSamples["changes"];
  return { policies, changes, transactionMs: [], labelCpuMs: [] };
}
