/**
 * Two nodes joined by VXLAN, with a client on one and a server on the other, and on each the part of the agent that keeps
 * policies: its loop, fed with objects by this process, and its enforcer. Everything else of the cluster is data.
 */

import type { LedgerAttachment } from "#agent/policy/pod-attachments.ts";
import { type PolicyLoop, startPolicyLoop } from "#agent/policy/policy-loop.ts";
import { createMemoryInformer } from "#agent/policy/testing/memory-informer.ts";
import type { ClusterNetworkPolicy } from "#api/kinds/cluster-network-policy/cluster-network-policy.ts";
import type { Namespace } from "#api/kinds/namespace.ts";
import type { NetworkPolicy } from "#api/kinds/network-policy.ts";
import type { Node } from "#api/kinds/node.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import { formatPrefix } from "#base/ip-address.ts";
import { FAMILIES } from "#dataplane/contract.ts";
import { createNftablesEnforcer } from "#dataplane/policy/nftables/nftables-enforcer.ts";
import { planSandbox } from "#policy-test/sandbox/plan-sandbox.ts";
import { BRIDGE, type SandboxNode, type SandboxPod, startSandbox } from "#policy-test/sandbox/start-sandbox.ts";
import {
  CLIENT,
  clientPod,
  otherPods,
  podUid,
  SERVER,
  sampleNamespaces,
  sampleNode,
  samplePolicies,
  serverPod,
} from "./sample-policies.ts";

const VXLAN_PORT = 8472;

export interface PolicyNodeUnderTest {
  readonly node: SandboxNode;
  readonly loop: PolicyLoop;
  setClient(isAllowed: boolean): void;
  setPolicy(policy: NetworkPolicy): void;
}

export interface BenchNodes extends AsyncDisposable {
  readonly client: SandboxPod;
  readonly server: SandboxPod;
  /** Of the server's node; undefined without policies. */
  readonly serverNode: PolicyNodeUnderTest | undefined;
}

/** Undefined: no enforcer, and so no table. */
export async function startBenchNodes(policies: number | undefined, signal: AbortSignal): Promise<BenchNodes> {
  await using stack = new AsyncDisposableStack();
  const pods = [CLIENT, SERVER].map((pod) => ({ ...pod, labels: {}, ports: [] }));
  const sandbox = stack.use(await startSandbox(planSandbox({ nodes: 2, pods, cases: [] }), signal));
  const client = required(sandbox.pods.get(`${CLIENT.namespace}/${CLIENT.name}`));
  const server = required(sandbox.pods.get(`${SERVER.namespace}/${SERVER.name}`));
  let serverNode: PolicyNodeUnderTest | undefined;
  if (policies !== undefined) {
    for (const node of sandbox.nodes) {
      const started = stack.use(await startNode(node, { client, server, policies, nodes: sandbox.nodes }));
      if (node === server.node) serverNode = started;
    }
  }
  const owned = stack.move();
  return { client, server, serverNode, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

interface Cluster {
  readonly client: SandboxPod;
  readonly server: SandboxPod;
  readonly policies: number;
  readonly nodes: readonly SandboxNode[];
}

async function startNode(
  node: SandboxNode,
  { client, server, policies, nodes }: Cluster,
): Promise<PolicyNodeUnderTest & AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  const clientAddresses = FAMILIES.map((family) => client.addresses[family]);
  const serverAddresses = FAMILIES.map((family) => server.addresses[family]);
  const others = otherPods();
  const informers = {
    namespaces: createMemoryInformer<Namespace>(sampleNamespaces()),
    pods: createMemoryInformer<Pod>([
      clientPod(clientAddresses, true),
      serverPod(serverAddresses),
      ...others.map(({ pod }) => pod),
    ]),
    nodes: createMemoryInformer<Node>(
      nodes.map(({ name, plan }) =>
        sampleNode(
          name,
          FAMILIES.map((family) => formatPrefix(plan.podPrefixes[family])),
        ),
      ),
    ),
    policies: createMemoryInformer<NetworkPolicy>(samplePolicies(policies)),
    clusterPolicies: createMemoryInformer<ClusterNetworkPolicy>([]),
  };
  const enforcer = stack.use(createNftablesEnforcer({ netns: node.netns }));
  const attachments: readonly LedgerAttachment[] = [
    ...node.attachments.map((one) => ({ ...one, uid: uidOf(one.pod) })),
    ...others
      .filter(({ pod }) => pod.spec.nodeName === node.name)
      .map(({ pod, addresses }, index) => {
        const { namespace = "", name = "", uid } = pod.metadata;
        return { pod: `${namespace}/${name}`, uid, link: `other${index}`, mac: undefined, addresses };
      }),
  ];
  const loop = stack.use(
    startPolicyLoop(
      {
        informers,
        enforcer,
        nodeName: node.name,
        node: { podLinks: [], bridges: [BRIDGE], overlayPorts: [VXLAN_PORT], established: "reevaluate" },
        log: { info: () => {}, error: (event, fields) => process.stderr.write(`${event} ${JSON.stringify(fields)}\n`) },
        onProgrammed: () => {},
      },
      attachments,
    ),
  );
  await loop.ready;
  const owned = stack.move();
  return {
    node,
    loop,
    setClient: (isAllowed) => informers.pods.set(clientPod(clientAddresses, isAllowed)),
    setPolicy: (policy) => informers.policies.set(policy),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function uidOf(pod: string | undefined): string {
  const [namespace = "", name = ""] = (pod ?? "").split("/");
  return podUid({ namespace, name });
}

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("Cannot measure policies: the sandbox lacks a pod");
  return value;
}
