/**
 * The agent's part that enforces policies on this node, put together. ADD of a pod answers when the kernel of its node
 * has what applies to it; until then, and after its DEL, its address is closed.
 */

import { isApiError } from "#api/api-error.ts";
import {
  type ClusterNetworkPolicy,
  clusterNetworkPolicy,
} from "#api/kinds/cluster-network-policy/cluster-network-policy.ts";
import { type Namespace, namespace as namespaceKind } from "#api/kinds/namespace.ts";
import { type NetworkPolicy, networkPolicy } from "#api/kinds/network-policy.ts";
import { type Node, node as nodeKind } from "#api/kinds/node.ts";
import { type Pod, pod as podKind } from "#api/kinds/pod/pod.ts";
import { formatPolicyAnswer, policyAnswerName } from "#api/programmed/policy-answer.ts";
import type { Informer } from "#api-client/informer.ts";
import type { Log } from "#base/log.ts";
import { CniError } from "#cni/cni-error.ts";
import type { EstablishedFlows, PolicyEnforcer } from "#dataplane/policy/contract.ts";
import { POLICY_TABLE } from "#dataplane/policy/nftables/frame.ts";
import { createNftablesEnforcer } from "#dataplane/policy/nftables/nftables-enforcer.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import { watchNft } from "#kernel/nfnetlink/watch-nft.ts";
import { SysctlError, writeSysctls } from "#kernel/sysctl.ts";
import { type Answers, startAnswers } from "../answer-question.ts";
import type { AttachmentListener } from "../attachment-listener.ts";
import type { Ledger } from "../ledger.ts";
import { BRIDGE } from "../network/plan-bridge.ts";
import type { DropNames } from "../observe/describe-flow.ts";
import type { Cluster } from "../open-cluster.ts";
import { type ForeignPodsFollower, followForeignPods } from "./follow-foreign-pods.ts";
import type { ForeignLinkNames } from "./observe-foreign-links.ts";
import { type LedgerAttachment, ledgerAttachment } from "./pod-attachments.ts";
import { type PolicyLoop, type PolicyLoopState, startPolicyLoop } from "./policy-loop.ts";

const ANSWER_INTERVAL_MS = 20;

export interface PolicyOptions {
  readonly nodeName: string;
  readonly established: EstablishedFlows;
  /** How long ADD waits for the API to tell of its pod. Default: 10 s. */
  readonly podTimeoutMs?: number | undefined;
  /** Pods' links, where another CNI makes them: pods are joined with them by their status. Default: our plugins do. */
  readonly foreign?: ForeignLinkNames | undefined;
}

export interface PolicyDeps {
  readonly cluster: Cluster;
  readonly netns: Netns;
  readonly ledger: Pick<Ledger, "all">;
  readonly log: Log;
}

export interface AgentPolicy extends AsyncDisposable {
  readonly attachments: AttachmentListener;
  /** For those who hear what the rules log. */
  readonly drops: DropNames & Pick<PolicyEnforcer, "counters">;
  report(): { readonly policy: PolicyStatus };
}

export interface PolicyStatus extends Omit<PolicyLoopState, "problems"> {
  readonly enforcer: string;
  readonly established: EstablishedFlows;
  /** What is not, or cannot be, enforced here. */
  readonly problems: readonly string[];
  readonly drift: readonly string[];
}

const POD_TIMEOUT_MS = 10_000;
const DISCOVERY_TIMEOUT_MS = 10_000;
/** Where back ends of ours listen: VXLAN as flannel has it, and the user-space tunnel. */
const OVERLAY_PORTS = [8472, 8285];

export async function startPolicy(deps: PolicyDeps, options: PolicyOptions): Promise<AgentPolicy> {
  const { cluster, netns, ledger, log } = deps;
  const { nodeName, established, podTimeoutMs = POD_TIMEOUT_MS, foreign } = options;
  await using stack = new AsyncDisposableStack();
  const bridged = seeBridgedPackets(netns);
  if (bridged !== undefined) log.error("policies do not reach pods of one bridge", { reason: bridged });
  const enforcer = stack.use(createNftablesEnforcer({ netns }));
  const informers = {
    namespaces: cluster.informer<Namespace>(namespaceKind),
    pods: cluster.informer<Pod>(podKind),
    nodes: cluster.informer<Node>(nodeKind),
    policies: cluster.informer<NetworkPolicy>(networkPolicy),
    clusterPolicies: await clusterPoliciesOf(cluster, log),
  };
  let answers: Answers | undefined;
  let follower: ForeignPodsFollower | undefined;
  const { podLinks, bridges } = foreign ?? { podLinks: [], bridges: [BRIDGE] };
  const loop = stack.use(
    startPolicyLoop(
      {
        informers,
        enforcer,
        nodeName,
        node: { podLinks, bridges, overlayPorts: OVERLAY_PORTS, established },
        needsPodCidrs: foreign === undefined,
        log,
        beforeSync: () => follower?.look(),
        onProgrammed: () => answers?.grown(),
      },
      ledger.all().flatMap((record) => (record.phase === "added" ? (ledgerAttachment(record) ?? []) : [])),
    ),
  );
  if (foreign) follower = stack.use(followForeignPods({ netns, pods: informers.pods, nodeName, loop, log }, foreign));
  answers = stack.use(
    startAnswers({
      client: cluster.client,
      name: policyAnswerName(nodeName),
      format: (question) =>
        formatPolicyAnswer({
          node: nodeName,
          nodeUid: informers.nodes.get(undefined, nodeName)?.metadata.uid,
          question,
          programmed: loop.programmed(),
        }),
      minIntervalMs: ANSWER_INTERVAL_MS,
      log,
    }),
  );
  stack.use(
    watchNft(
      { netns, ignoredPortId: enforcer.portId },
      {
        changed({ changes }) {
          if (changes.some(({ table }) => table === POLICY_TABLE.table)) loop.markDirty();
        },
        lost: () => loop.markDirty(),
      },
    ),
  );
  const owned = stack.move();
  return {
    attachments: {
      async added(record) {
        const attachment = ledgerAttachment(record);
        if (attachment !== undefined) await enforce(loop, informers.pods, attachment, podTimeoutMs);
      },
      removing(record) {
        const attachment = ledgerAttachment(record);
        if (attachment === undefined) return;
        loop.detach(attachment.link);
        loop.flush();
      },
    },
    drops: {
      explainDrop: (prefix) => enforcer.explainDrop(prefix),
      counters: () => enforcer.counters(),
      isolating: (pod, direction) => loop.isolating(pod, direction),
      podOfLink: (link) => loop.podOfLink(link),
    },
    report() {
      const state = loop.state();
      return {
        policy: {
          ...state,
          enforcer: enforcer.name,
          established,
          problems: [
            ...(bridged === undefined ? [] : [bridged]),
            ...(follower?.problems ?? []),
            ...Array.from(state.problems, ([policy, some]) => `${policy}: ${some.join("; ")}`),
          ],
          drift: enforcer.drift(),
        },
      };
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Resolves when the pod's rules are in the kernel. Throws CniError when that cannot be in time: then nothing is open. */
async function enforce(
  loop: PolicyLoop,
  pods: Informer<Pod>,
  attachment: LedgerAttachment,
  timeoutMs: number,
): Promise<void> {
  const deadline = AbortSignal.timeout(timeoutMs);
  const late = (what: string): CniError =>
    new CniError(
      "tryAgainLater",
      `Cannot enforce policies for pod "${attachment.pod ?? ""}": ${what}`,
      `${timeoutMs} ms`,
    );
  await inTime(loop.ready, deadline, () =>
    late(`this node does not know the cluster's policies yet: ${loop.state().waitingFor ?? "they are not written"}`),
  );
  loop.attach(attachment);
  const { pod, uid } = attachment;
  try {
    if (pod !== undefined && loop.findPod(pod, uid) === undefined) {
      const known = Promise.withResolvers<void>();
      const look = (): void => {
        if (loop.findPod(pod, uid) !== undefined) known.resolve();
      };
      using _ = pods.subscribe({ onAdd: look, onUpdate: look });
      await inTime(known.promise, deadline, () => late("the API has not told this node of it"));
    }
    loop.flush();
  } catch (error) {
    loop.detach(attachment.link);
    if (error instanceof CniError) throw error;
    throw new CniError("kernelRefused", `Cannot enforce policies for pod "${pod ?? ""}"`, String(error), {
      cause: error,
    });
  }
}

async function inTime(promise: Promise<void>, deadline: AbortSignal, late: () => Error): Promise<void> {
  const end = Promise.withResolvers<never>();
  const onAbort = (): void => end.reject(late());
  deadline.addEventListener("abort", onAbort, { once: true });
  try {
    await Promise.race([promise, end.promise]);
  } finally {
    deadline.removeEventListener("abort", onAbort);
  }
}

/** Undefined where the API does not have them. */
async function clusterPoliciesOf(
  { client, informer }: Cluster,
  log: Log,
): Promise<Informer<ClusterNetworkPolicy> | undefined> {
  try {
    await client.list(clusterNetworkPolicy, { limit: 1 }, AbortSignal.timeout(DISCOVERY_TIMEOUT_MS));
  } catch (error) {
    if (isApiError(error, "NotFound")) return undefined;
    // Followed all the same: nothing is enforced until the list is here.
    log.error("cluster network policies not read", { error: String(error) });
  }
  return informer<ClusterNetworkPolicy>(clusterNetworkPolicy);
}

/** Packets between ports of one bridge pass the hooks of IP only then. Answers why not. */
function seeBridgedPackets(netns: Netns): string | undefined {
  try {
    writeSysctls(netns, { "net/bridge/bridge-nf-call-iptables": 1, "net/bridge/bridge-nf-call-ip6tables": 1 });
    return undefined;
  } catch (error) {
    if (!(error instanceof SysctlError)) throw error;
    return `between pods of one bridge policies cannot be enforced (load the module br_netfilter): ${error.message}`;
  }
}
