/** Deletes pods that do not tolerate a NoExecute taint of their node, as soon as their toleration ends. */
import { isApiError } from "#api/api-error.ts";
import { type Node, node as nodeKind } from "#api/kinds/node.ts";
import { type Pod, pod as podKind } from "#api/kinds/pod/pod.ts";
import { keyOf } from "#api-client/object-cache.ts";
import { withCondition } from "../../resources/subresources/pod-conditions.ts";
import type { Controller, ControllerContext } from "../controller.ts";
import { createDeadlines } from "../deadlines.ts";
import { sameJson } from "../same-json.ts";
import { splitKey } from "../split-key.ts";
import { startControlLoop } from "../start-control-loop.ts";
import { type ExecutingTaint, executingTaints, planTaintEviction } from "./plan-taint-eviction.ts";

const NAME = "taint-eviction";

export function taintEvictionController(): Controller {
  return { name: NAME, start };
}

function start(context: ControllerContext): Promise<AsyncDisposable> {
  const { client, events, now } = context;
  const nodes = context.informer(nodeKind);
  const pods = context.informer(podKind);
  const firstSeen = createFirstSeen(now);
  /** Pods with a deadline. */
  const waiting = new Set<string>();
  let look = (_key: string): void => undefined;
  const deadlines = createDeadlines({ now, onDue: (key) => look(key) });

  function taintsOf(pod: Pod): readonly ExecutingTaint[] {
    const node = nodes.get(undefined, pod.spec.nodeName ?? "");
    return node === undefined ? [] : firstSeen.of(node);
  }

  function cancel(key: string, pod: Pod | undefined): void {
    deadlines.clear(key);
    if (!waiting.delete(key) || pod === undefined || pod.metadata.deletionTimestamp !== undefined) return;
    const message = `Cancelling deletion of Pod ${key}`;
    events.record(pod, { type: "Normal", reason: "TaintManagerEviction", message });
  }

  async function evict(key: string, pod: Pod, signal: AbortSignal): Promise<void> {
    events.record(pod, {
      type: "Normal",
      reason: "TaintManagerEviction",
      message: `Marking for deletion Pod ${key}`,
    });
    const { namespace, name = "", uid } = pod.metadata;
    const reason = {
      type: "DisruptionTarget",
      status: "True",
      reason: "DeletionByTaintManager",
      message: "Taint manager: deleting due to NoExecute taint",
    } as const;
    try {
      await client.updateStatus(podKind, { ...pod, status: withCondition(pod.status, reason, now()) }, signal);
      await client.delete(podKind, { namespace, name }, uid === undefined ? {} : { uid }, signal);
    } catch (error) {
      if (!isApiError(error, "NotFound")) throw error;
    }
    waiting.delete(key);
  }

  return startControlLoop(context, {
    name: NAME,
    workers: 8,
    informers: [nodes, pods],
    subscribe(queue, subscriptions) {
      look = queue.add;
      subscriptions.use(deadlines);
      const lookAtPods = ({ metadata }: Node): void => {
        for (const pod of pods.byIndex("node", metadata.name ?? "")) queue.add(keyOf(pod));
      };
      const lookAtTainted = (node: Node): void => {
        if (executingTaints(node).length > 0) lookAtPods(node);
      };
      const onUpdate = (node: Node, old: Node): void => {
        if (!sameJson(executingTaints(node), executingTaints(old))) lookAtPods(node);
      };
      const onDelete = (node: Node): void => {
        firstSeen.forget(node);
        lookAtPods(node);
      };
      subscriptions.use(nodes.subscribe({ onAdd: lookAtTainted, onUpdate, onDelete }));
      const lookAt = (pod: Pod): void => {
        if (waiting.has(keyOf(pod)) || taintsOf(pod).length > 0) queue.add(keyOf(pod));
      };
      subscriptions.use(pods.subscribe({ onAdd: lookAt, onUpdate: lookAt, onDelete: lookAt }));
    },
    async work(key, signal) {
      const { namespace, name } = splitKey(key);
      const pod = pods.get(namespace, name);
      const at = pod === undefined ? undefined : planTaintEviction(pod, taintsOf(pod));
      if (pod === undefined || at === undefined) return cancel(key, pod);
      if (at <= now()) return await evict(key, pod, signal);
      waiting.add(key);
      deadlines.set(key, at);
    },
  });
}

interface FirstSeen {
  of(node: Node): readonly ExecutingTaint[];
  forget(node: Node): void;
}

/** Taints that people set do not say since when they are there. */
function createFirstSeen(now: () => Date): FirstSeen {
  const times = new Map<string, Map<string, Date>>();
  return {
    of(node) {
      const { uid = "" } = node.metadata;
      const before = times.get(uid);
      const seen = new Map<string, Date>();
      const taints = executingTaints(node).map((taint) => {
        const { timeAdded } = taint;
        const key = `${taint.key} ${taint.value ?? ""}`;
        const since = timeAdded === undefined ? (before?.get(key) ?? now()) : new Date(timeAdded);
        seen.set(key, since);
        return { taint, since };
      });
      if (seen.size === 0) times.delete(uid);
      else times.set(uid, seen);
      return taints;
    },
    forget: ({ metadata }) => void times.delete(metadata.uid ?? ""),
  };
}
