/** Hands the node's pods to their workers as the API tells of them. */
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { Informer } from "#api-client/informer.ts";
import type { PodWorkers } from "./pod-worker/create-pod-workers.ts";

export interface FollowedPods {
  readonly pods: Informer<Pod>;
  readonly workers: PodWorkers;
}

/** Pods of the first list wait until everything about them is known. */
export function followPods({ pods, workers }: FollowedPods): Disposable {
  const set = (pod: Pod): void => workers.set(pod);
  let isReady = false;
  void pods.synced.then(
    () => {
      isReady = true;
    },
    () => undefined,
  );
  return pods.subscribe({
    onAdd: (pod) => isReady && set(pod),
    onUpdate: (pod) => isReady && set(pod),
    onDelete: ({ metadata: { uid = "", namespace = "", name = "" } }) => workers.remove(uid, { namespace, name }),
  });
}
