/** Watches over nodes: says when one is silent, taints it, and marks its pods. Timers wait for the next deadline. */
import { lease as leaseKind } from "#api/kinds/lease.ts";
import { type Node, node as nodeKind } from "#api/kinds/node.ts";
import { pod as podKind } from "#api/kinds/pod/pod.ts";
import type { JsonValue } from "#base/json.ts";
import { timeText } from "../../resources/stored-object.ts";
import type { Controller, ControllerContext } from "../controller.ts";
import { createDeadlines } from "../deadlines.ts";
import { sameJson } from "../same-json.ts";
import { type KeyQueue, startControlLoop } from "../start-control-loop.ts";
import { createHeartbeats } from "./heartbeats.ts";
import { markPodsNotReady } from "./mark-pods.ts";
import { isNodeReady, type NodeGrace, planNodeHealth, readyCondition } from "./plan-node-health.ts";
import { planNodeTaints } from "./plan-node-taints.ts";

export interface NodeLifecycleOptions {
  /** Default: 40 s. */
  readonly monitorGracePeriodMs?: number | undefined;
  /** Default: 60 s. */
  readonly startupGracePeriodMs?: number | undefined;
}

const NAME = "node-lifecycle";

export function nodeLifecycleController(options: NodeLifecycleOptions = {}): Controller {
  const { monitorGracePeriodMs: monitorMs = 40_000, startupGracePeriodMs: startupMs = 60_000 } = options;
  return { name: NAME, start: (context) => start(context, { monitorMs, startupMs }) };
}

function start(context: ControllerContext, grace: NodeGrace): Promise<AsyncDisposable> {
  const { client, events, now } = context;
  const nodes = context.informer(nodeKind);
  const leases = context.informer(leaseKind);
  const pods = context.informer(podKind);
  const heartbeats = createHeartbeats(now);
  /** Names of the nodes that are ready. */
  const ready = new Set<string>();
  /** Nodes that are silent and whose pods have not been marked yet. */
  const unmarked = new Set<string>();
  let look = (_name: string): void => undefined;
  const deadlines = createDeadlines({ now, onDue: (name) => look(name) });

  function count(node: Node | undefined, name: string, queue: KeyQueue): void {
    const before = ready.size;
    if (node !== undefined && isNodeReady(node)) ready.add(name);
    else ready.delete(name);
    // Whether pods are evicted depends on whether any node is ready.
    if ((before === 0) !== (ready.size === 0)) for (const { metadata } of nodes.list()) queue.add(metadata.name ?? "");
  }

  async function declareLost(node: Node, status: Node["status"], signal: AbortSignal): Promise<Node> {
    const { name = "" } = node.metadata;
    unmarked.add(name);
    const lost = await client.updateStatus(nodeKind, { ...node, status }, signal);
    const message = `Node ${name} status is now: NodeNotReady`;
    if (isNodeReady(node)) events.record(node, { type: "Normal", reason: "NodeNotReady", message });
    return lost;
  }

  async function taint(node: Node, signal: AbortSignal): Promise<void> {
    const taints = planNodeTaints(node, { now: timeText(now()), evicts: ready.size > 0 });
    if (taints === undefined) return;
    const { name = "", resourceVersion } = node.metadata;
    const list: JsonValue = taints.map((one) => ({ ...one }));
    const body = { metadata: { resourceVersion }, spec: { taints: taints.length === 0 ? null : list } };
    await client.patch(nodeKind, { namespace: undefined, name }, { type: "merge", body }, signal);
  }

  return startControlLoop(context, {
    name: NAME,
    workers: 4,
    informers: [nodes, leases, pods],
    subscribe(queue, subscriptions) {
      look = queue.add;
      subscriptions.use(deadlines);
      const waitOn = (name: string): void =>
        deadlines.set(name, new Date(heartbeats.seenAt(name).getTime() + grace.monitorMs));
      subscriptions.use(
        nodes.subscribe({
          onAdd(node) {
            const { name = "" } = node.metadata;
            heartbeats.seeNode(node);
            count(node, name, queue);
            // Who said so may have ended before the pods were marked.
            if (readyCondition(node)?.status === "Unknown") unmarked.add(name);
            waitOn(name);
            queue.add(name);
          },
          onUpdate(node, old) {
            const { name = "" } = node.metadata;
            if (heartbeats.seeNode(node)) waitOn(name);
            count(node, name, queue);
            if (isConcerned(node, old)) queue.add(name);
          },
          onDelete({ metadata: { name = "" } }) {
            heartbeats.forget(name);
            deadlines.clear(name);
            unmarked.delete(name);
            count(undefined, name, queue);
          },
        }),
      );
      const seeLease = (lease: Parameters<typeof heartbeats.seeLease>[0]): void => {
        if (heartbeats.seeLease(lease)) waitOn(lease.metadata.name ?? "");
      };
      subscriptions.use(leases.subscribe({ onAdd: seeLease, onUpdate: seeLease }));
    },
    async work(name, signal, queue) {
      const node = nodes.get(undefined, name);
      if (node === undefined) return;
      const plan = planNodeHealth(node, { seenAt: heartbeats.seenAt(name), now: now(), grace });
      if (plan.type === "alive") deadlines.set(name, plan.deadline);
      const isNews = plan.type === "lost" && plan.status !== undefined;
      const current = isNews ? await declareLost(node, plan.status, signal) : node;
      if (isNews) count(current, name, queue);
      if (readyCondition(current)?.status !== "Unknown") unmarked.delete(name);
      if (unmarked.has(name)) {
        await markPodsNotReady(context, pods.byIndex("node", name), signal);
        unmarked.delete(name);
      }
      await taint(current, signal);
    },
  });
}

/** Whether something changed that taints follow from; heartbeats alone do not. */
function isConcerned(node: Node, old: Node): boolean {
  const statuses = ({ status }: Node) =>
    (status?.conditions ?? []).map(({ type, status: value }) => `${type} ${value}`);
  return (
    node.metadata.uid !== old.metadata.uid ||
    node.spec?.unschedulable !== old.spec?.unschedulable ||
    statuses(node).join() !== statuses(old).join() ||
    !sameJson(node.spec?.taints, old.spec?.taints)
  );
}
