/** Takes pods away that nobody else does. A node that is missing has some time to come back. */
import { isApiError } from "#api/api-error.ts";
import { type Node, node as nodeKind } from "#api/kinds/node.ts";
import { type Pod, pod as podKind } from "#api/kinds/pod/pod.ts";
import { keyOf } from "#api-client/object-cache.ts";
import type { Controller, ControllerContext } from "../controller.ts";
import { createDeadlines } from "../deadlines.ts";
import { splitKey } from "../split-key.ts";
import { type KeyQueue, startControlLoop } from "../start-control-loop.ts";
import { hasEnded, isOutOfService, isUnscheduledTerminating, planEndedPods } from "./plan-pod-gc.ts";
import { removePods } from "./remove-pods.ts";

export interface PodGcOptions {
  /** How many pods that have ended are kept; 0: all. Default: 12,500. */
  readonly endedPodThreshold?: number | undefined;
  /** How long a node may be missing. Default: 40 s. */
  readonly missingNodeGracePeriodMs?: number | undefined;
}

const NAME = "pod-gc";
/** Keys say what has to be looked at. */
const ENDED = "ended";
const NODE_PREFIX = "node:";
const POD_PREFIX = "pod:";

export function podGcController(options: PodGcOptions = {}): Controller {
  const { endedPodThreshold = 12_500, missingNodeGracePeriodMs = 40_000 } = options;
  return { name: NAME, start: (context) => start(context, { endedPodThreshold, missingNodeGracePeriodMs }) };
}

type Settings = { readonly [K in keyof PodGcOptions]-?: number };

function start(context: ControllerContext, settings: Settings): Promise<AsyncDisposable> {
  const { now } = context;
  const nodes = context.informer(nodeKind);
  const pods = context.informer(podKind);
  /** Nodes that have pods and are not there. */
  const missingSince = new Map<string, Date>();
  let look = (_name: string): void => undefined;
  const deadlines = createDeadlines({ now, onDue: (name) => look(NODE_PREFIX + name) });

  async function lookAtNode(name: string, signal: AbortSignal): Promise<void> {
    const node = nodes.get(undefined, name);
    const bound = pods.byIndex("node", name);
    if (node !== undefined || bound.length === 0) {
      missingSince.delete(name);
      deadlines.clear(name);
    }
    if (node === undefined) return await lookAtMissing(name, bound, signal);
    if (!isOutOfService(node)) return;
    const terminating = bound.filter(({ metadata }) => metadata.deletionTimestamp !== undefined);
    await removePods(context, { pods: terminating, why: "PodGC: node is out-of-service" }, signal);
  }

  async function lookAtMissing(name: string, bound: readonly Pod[], signal: AbortSignal): Promise<void> {
    if (bound.length === 0) return;
    const since = missingSince.get(name) ?? now();
    missingSince.set(name, since);
    const until = new Date(since.getTime() + settings.missingNodeGracePeriodMs);
    if (now() < until) return deadlines.set(name, until);
    if (await exists(context, name, signal)) return;
    await removePods(context, { pods: bound, why: "PodGC: node no longer exists" }, signal);
  }

  function seePod(pod: Pod, queue: KeyQueue): void {
    const { nodeName = "" } = pod.spec;
    const isTerminating = pod.metadata.deletionTimestamp !== undefined;
    if (nodeName === "") {
      if (isTerminating) queue.add(POD_PREFIX + keyOf(pod));
      return;
    }
    const node = nodes.get(undefined, nodeName);
    if (node === undefined || (isTerminating && isOutOfService(node))) queue.add(NODE_PREFIX + nodeName);
  }

  return startControlLoop(context, {
    name: NAME,
    workers: 2,
    informers: [nodes, pods],
    subscribe(queue, subscriptions) {
      look = queue.add;
      subscriptions.use(deadlines);
      const lookAt = ({ metadata }: Node): void => queue.add(NODE_PREFIX + metadata.name);
      const onUpdate = (node: Node): void => {
        if (isOutOfService(node)) lookAt(node);
      };
      subscriptions.use(nodes.subscribe({ onAdd: lookAt, onUpdate, onDelete: lookAt }));
      const see = (pod: Pod): void => seePod(pod, queue);
      subscriptions.use(pods.subscribe({ onAdd: see, onUpdate: see }));
      if (settings.endedPodThreshold > 0) subscriptions.use(watchEnded(context, settings.endedPodThreshold, queue));
    },
    async work(key, signal) {
      if (key === ENDED) {
        return await removePods(context, { pods: planEndedPods(pods.list(), settings.endedPodThreshold) }, signal);
      }
      if (key.startsWith(NODE_PREFIX)) return await lookAtNode(key.slice(NODE_PREFIX.length), signal);
      const { namespace, name } = splitKey(key.slice(POD_PREFIX.length));
      const pod = pods.get(namespace, name);
      if (pod !== undefined && isUnscheduledTerminating(pod)) await removePods(context, { pods: [pod] }, signal);
    },
  });
}

/** Counts the pods that have ended, instead of looking at all of them with each change. */
function watchEnded({ informer }: ControllerContext, threshold: number, queue: KeyQueue): Disposable {
  let ended = 0;
  const count = (pod: Pod, step: 1 | -1): void => {
    if (!hasEnded(pod)) return;
    ended += step;
    if (ended > threshold) queue.add(ENDED);
  };
  return informer(podKind).subscribe({
    onAdd: (pod) => count(pod, 1),
    onUpdate(pod, old) {
      count(old, -1);
      count(pod, 1);
    },
    onDelete: (pod) => count(pod, -1),
  });
}

/** The caches may not show a node that has just been created. */
async function exists({ client }: ControllerContext, name: string, signal: AbortSignal): Promise<boolean> {
  try {
    await client.get(nodeKind, { namespace: undefined, name }, signal);
    return true;
  } catch (error) {
    if (isApiError(error, "NotFound")) return false;
    throw error;
  }
}
