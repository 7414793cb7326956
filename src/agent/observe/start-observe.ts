/**
 * The agent's part that records flows: drops from the log group of the policy tables, new connections from connection
 * tracking. Neither may slow traffic: the kernel limits messages of each rule and drops what the socket has no room for;
 * connections beyond a number per second are counted, not read.
 */
import { type Node, node as nodeKind } from "#api/kinds/node.ts";
import { type Pod, pod as podKind } from "#api/kinds/pod/pod.ts";
import { type Service, service as serviceKind } from "#api/kinds/service/service.ts";
import type { Log } from "#base/log.ts";
import type { PluginOutput } from "#cni/plugin-main.ts";
import type { DropReason, RuleCounter } from "#dataplane/policy/contract.ts";
import { LOG_GROUP } from "#dataplane/policy/nftables/frame.ts";
import { KernelError } from "#kernel/kernel-error.ts";
import { createNetlinkSocket, NETLINK_ROUTE } from "#kernel/netlink/socket.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import { watchConntrack } from "#kernel/nfnetlink/watch-conntrack.ts";
import { watchNflog } from "#kernel/nfnetlink/watch-nflog.ts";
import { findLink } from "#kernel/rtnetlink/link.ts";
import type { Cluster } from "../open-cluster.ts";
import { createBudget } from "./budget.ts";
import { type DropNames, describeConnection, describeDrop } from "./describe-flow.ts";
import { createDropCount } from "./drop-count.ts";
import type { GapReason } from "./flow.ts";
import { createFlowNames } from "./flow-names.ts";
import { createFlowRing } from "./flow-ring.ts";
import { parseObserveQuery } from "./observe-protocol.ts";

export interface ObserveDeps {
  readonly cluster: Cluster;
  readonly netns: Netns;
  readonly nodeName: string;
  readonly drops: DropNames & { counters(): readonly RuleCounter[] };
  /** Whether this agent may follow Services; else they stay addresses. */
  readonly namesServices: boolean;
  readonly log: Log;
  /** Readers that wait are answered when the agent ends. */
  readonly signal: AbortSignal;
}

export interface AgentObserve extends Disposable {
  /** Answers a query, as JSON. */
  answer(query: string): Promise<PluginOutput>;
}

/** Some 400 bytes each. */
const RING_CAPACITY = 8192;
const PAGE_SIZE = 1024;
const CONNECTIONS_PER_SECOND = 1000;

export function startObserve(deps: ObserveDeps): AgentObserve {
  const { cluster, netns, nodeName: node, namesServices, drops, log, signal: ending } = deps;
  using stack = new DisposableStack();
  const nowMicros = (): number => Date.now() * 1000;
  const ring = createFlowRing({
    id: `${process.pid}-${Date.now()}`,
    node,
    capacity: RING_CAPACITY,
    pageSize: PAGE_SIZE,
    nowMicros,
  });
  const names = stack.use(
    createFlowNames({
      pods: cluster.informer<Pod>(podKind),
      nodes: cluster.informer<Node>(nodeKind),
      services: namesServices ? cluster.informer<Service>(serviceKind) : undefined,
    }),
  );
  const gap = (reason: GapReason, missed: number | undefined): void =>
    ring.add({ kind: "gap", timeMicros: nowMicros(), node, reason, missed });

  const rtnetlink = stack.use(createNetlinkSocket({ protocol: NETLINK_ROUTE, netns }));
  const known = remembering(drops);
  const count = stack.use(createDropCount({ counters: () => drops.counters(), missed: (n) => gap("rate limit", n) }));
  const links = new Map<number, string>();
  const linkName = (ifindex: number): string | undefined => {
    const name = links.get(ifindex) ?? findLink(rtnetlink, { ifindex })?.name;
    if (name !== undefined) links.set(ifindex, name);
    return name;
  };
  const dropDeps = { node, names, drops: known, linkName, nowMicros };
  try {
    stack.use(
      watchNflog(
        { netns, group: LOG_GROUP },
        {
          logged(packet) {
            count.logged(packet.prefix);
            const flow = describeDrop(dropDeps, packet);
            if (flow !== undefined) ring.add(flow);
          },
          lost: () => gap("kernel buffer", undefined),
        },
      ),
    );
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    log.error("drops are not recorded: somebody else listens to the log group", { error: error.message });
  }

  const budget = stack.use(
    createBudget({ perSecond: CONNECTIONS_PER_SECOND, missed: (number) => gap("rate limit", number) }),
  );
  stack.use(
    watchConntrack(
      { netns, kinds: ["new"] },
      {
        wants: () => budget.take(),
        changed(_, entry) {
          const flow = describeConnection({ node, names, nowMicros }, entry);
          if (flow !== undefined) ring.add(flow);
        },
        lost: () => gap("kernel buffer", undefined),
      },
    ),
  );
  const owned = stack.move();
  return {
    async answer(text) {
      const { after, sinceMicros, waitMs = 0 } = parseObserveQuery(text);
      const page = ring.read({ after, sinceMicros });
      if (page.entries.length > 0 || waitMs === 0) return output(page);
      const signal = AbortSignal.any([ending, AbortSignal.timeout(waitMs)]);
      await ring.grown(page.next, signal);
      return output(ring.read({ after: page.next }));
    },
    [Symbol.dispose]: () => owned.dispose(),
  };
}

function output(page: unknown): PluginOutput {
  return { stdout: JSON.stringify(page), stderr: "", exitCode: 0 };
}

const REMEMBERED_MAX = 4096;

/** A prefix stands for one rule for ever (it is a hash of it): looked up once, and known when the rule has gone. */
function remembering(drops: DropNames): DropNames {
  const reasons = new Map<string, DropReason>();
  return {
    explainDrop(prefix) {
      const known = reasons.get(prefix) ?? drops.explainDrop(prefix);
      if (reasons.size >= REMEMBERED_MAX) reasons.clear();
      if (known !== undefined) reasons.set(prefix, known);
      return known;
    },
    isolating: (pod, direction) => drops.isolating(pod, direction),
    podOfLink: (link) => drops.podOfLink(link),
  };
}
