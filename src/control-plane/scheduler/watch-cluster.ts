/** What events of the API mean for the scheduler: to what it knows of the cluster, and to pods that wait. */
import type { Namespace } from "#api/kinds/namespace.ts";
import type { Node } from "#api/kinds/node.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import { jsonEqual } from "#api/schema/json-equal.ts";
import type { InformerHandlers } from "#api-client/informer.ts";
import { keyOf } from "#api-client/object-cache.ts";
import type { ClusterChange } from "./filters/filter.ts";
import type { SchedulingQueue } from "./queue/scheduling-queue.ts";
import type { ClusterState } from "./state/cluster-state.ts";

export const SCHEDULER_NAME = "default-scheduler";

export interface WatchedCluster {
  readonly cluster: ClusterState;
  readonly queue: SchedulingQueue;
  wake(): void;
  /** A pod that must not be scheduled yet. */
  onGated(pod: Pod): void;
}

/** Whether the pod waits for a node from this scheduler. */
export function needsNode({ metadata, spec, status }: Pod): boolean {
  const { nodeName = "", schedulerName = SCHEDULER_NAME } = spec;
  if (nodeName !== "" || schedulerName !== SCHEDULER_NAME) return false;
  return metadata.deletionTimestamp === undefined && !isFinished(status);
}

export function watchPods({ cluster, queue, wake, onGated }: WatchedCluster): InformerHandlers<Pod> {
  function place(pod: Pod, old: Pod | undefined): void {
    queue.remove(keyOf(pod));
    cluster.setPod(pod);
    if (old?.spec.nodeName !== pod.spec.nodeName) queue.notify("PodBound");
    else if (old !== undefined && hasOtherLabels(pod, old)) queue.notify("PodLabels");
  }

  function enqueue(pod: Pod, old: Pod | undefined): void {
    const key = keyOf(pod);
    if (isGated(pod)) {
      queue.remove(key);
      onGated(pod);
    } else if (!cluster.isAssumed(key)) {
      const isSame = old !== undefined && !hasOtherLabels(pod, old) && jsonEqual(pod.spec, old.spec);
      if (!isSame || !queue.replace(pod)) queue.add(pod);
    }
  }

  function remove(pod: Pod): void {
    queue.remove(keyOf(pod));
    if (cluster.removePod(keyOf(pod))) queue.notify("PodRemoved");
  }

  function take(pod: Pod, old: Pod | undefined): void {
    const isPlaced = (pod.spec.nodeName ?? "") !== "";
    if (isFinished(pod.status)) remove(pod);
    else if (isPlaced) place(pod, old);
    else if (needsNode(pod)) enqueue(pod, old);
    else queue.remove(keyOf(pod));
    wake();
  }

  return {
    onAdd: (pod) => take(pod, undefined),
    onUpdate(pod, old) {
      const isSame = pod.metadata.uid === old.metadata.uid;
      if (!isSame) remove(old);
      take(pod, isSame ? old : undefined);
    },
    onDelete(pod) {
      remove(pod);
      wake();
    },
  };
}

export function watchNodes({ cluster, queue, wake }: WatchedCluster): InformerHandlers<Node> {
  return {
    onAdd(node) {
      cluster.setNode(node);
      queue.notify("NodeAdded");
      wake();
    },
    onUpdate(node, old) {
      const changes = nodeChanges(node, old);
      if (changes.length === 0) return;
      cluster.setNode(node);
      for (const change of changes) queue.notify(change);
      wake();
    },
    onDelete({ metadata: { name = "" } }) {
      cluster.removeNode(name);
      queue.notify("NodeRemoved");
      wake();
    },
  };
}

export function watchNamespaces({ cluster, queue, wake }: WatchedCluster): InformerHandlers<Namespace> {
  const take = (namespace: Namespace, old?: Namespace): void => {
    if (old !== undefined && jsonEqual(namespace.metadata.labels, old.metadata.labels)) return;
    cluster.setNamespace(namespace);
    queue.notify("NamespaceLabels");
    wake();
  };
  return {
    onAdd: (namespace) => take(namespace),
    onUpdate: take,
    onDelete: ({ metadata: { name = "" } }) => cluster.removeNamespace(name),
  };
}

/** What matters to pods that wait. Kubelets write their node's status all the time: most of it does not. */
function nodeChanges(node: Node, old: Node): readonly ClusterChange[] {
  const [spec, before] = [node.spec ?? {}, old.spec ?? {}];
  const hasOtherTaints =
    !jsonEqual(spec.taints, before.taints) || (spec.unschedulable ?? false) !== (before.unschedulable ?? false);
  return [
    ...(jsonEqual(node.metadata.labels, old.metadata.labels) ? [] : (["NodeLabels"] as const)),
    ...(hasOtherTaints ? (["NodeTaints"] as const) : []),
    ...(jsonEqual(node.status?.allocatable, old.status?.allocatable) ? [] : (["NodeAllocatable"] as const)),
  ];
}

function isGated({ spec }: Pod): boolean {
  return (spec.schedulingGates ?? []).length > 0;
}

function isFinished(status: Pod["status"]): boolean {
  return status?.phase === "Succeeded" || status?.phase === "Failed";
}

/** Pods that are being deleted count as others do with other labels. */
function hasOtherLabels(pod: Pod, old: Pod): boolean {
  const isTerminating = pod.metadata.deletionTimestamp !== undefined;
  const wasTerminating = old.metadata.deletionTimestamp !== undefined;
  return isTerminating !== wasTerminating || !jsonEqual(pod.metadata.labels, old.metadata.labels);
}
