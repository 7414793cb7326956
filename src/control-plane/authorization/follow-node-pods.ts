/** Pods by name and by node, as the node authorizer asks for them. */
import { type Pod, pod } from "#api/kinds/pod/pod.ts";
import { keyFrom, keyOf } from "#api-client/object-cache.ts";
import type { WatchCache } from "../cache/watch-cache.ts";
import { followObjects } from "./follow-objects.ts";
import type { NodePods } from "./node-authorizer.ts";
import type { ObjectSink } from "./rbac-index.ts";

export interface FollowNodePodsDeps {
  readonly pods: WatchCache;
  onLost(error: unknown): void;
}

/** Resolves when all pods are known. Ends with `signal`. */
export async function followNodePods({ pods, onLost }: FollowNodePodsDeps, signal: AbortSignal): Promise<NodePods> {
  const index = createNodePodIndex();
  await followObjects({ cache: pods, kind: pod, sink: index, onLost }, signal);
  return index;
}

export function createNodePodIndex(): NodePods & ObjectSink<Pod> {
  const byName = new Map<string, Pod>();
  const byNode = new Map<string, Map<string, Pod>>();
  const remove = (object: Pod): void => {
    const key = keyOf(object);
    const old = byName.get(key);
    const node = old?.spec?.nodeName ?? "";
    byName.delete(key);
    const onNode = byNode.get(node);
    onNode?.delete(key);
    if (onNode?.size === 0) byNode.delete(node);
  };
  return {
    pod: (namespace, name) => byName.get(keyFrom(namespace, name)),
    podsOnNode: (node) => byNode.get(node)?.values() ?? [],
    remove,
    put(object) {
      remove(object);
      const key = keyOf(object);
      byName.set(key, object);
      const node = object.spec?.nodeName ?? "";
      if (node === "") return;
      const onNode = byNode.get(node) ?? new Map<string, Pod>();
      byNode.set(node, onNode);
      onNode.set(key, object);
    },
  };
}
