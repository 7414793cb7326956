/**
 * Gives pods their nodes. One decision at a time, from what informers tell and what was decided before; there is no
 * preemption: a pod waits until there is room. Source: Kubernetes documentation, "Kubernetes Scheduler".
 */
import { namespace } from "#api/kinds/namespace.ts";
import { node } from "#api/kinds/node.ts";
import { type Pod, pod } from "#api/kinds/pod/pod.ts";
import { GATED_TEXT } from "#api/kinds/pod/prepare-pod.ts";
import { replicaSet } from "#api/kinds/replica-set.ts";
import { service } from "#api/kinds/service/service.ts";
import { statefulSet } from "#api/kinds/stateful-set/stateful-set.ts";
import { keyOf } from "#api-client/object-cache.ts";
import type { Controller, ControllerContext } from "../controllers/controller.ts";
import { createSchedulingQueue } from "./queue/scheduling-queue.ts";
import { startSchedulingLoop } from "./scheduling-loop.ts";
import { createClusterState } from "./state/cluster-state.ts";
import { needsNode, SCHEDULER_NAME, watchNamespaces, watchNodes, watchPods } from "./watch-cluster.ts";

export const schedulerController: Controller = {
  // Its events are known by this name.
  name: SCHEDULER_NAME,
  start: startScheduler,
};

async function startScheduler({ client, informer, events, log, now }: ControllerContext): Promise<AsyncDisposable> {
  const pods = informer(pod);
  const nodes = informer(node);
  const namespaces = informer(namespace);
  const services = informer(service);
  const owners = [informer(replicaSet), informer(statefulSet)] as const;
  await Promise.all([pods, nodes, namespaces, services, ...owners].map(({ synced }) => synced));

  await using stack = new AsyncDisposableStack();
  const cluster = createClusterState();
  const queue = createSchedulingQueue({ nowMs: () => performance.now() });
  const loop = stack.use(
    startSchedulingLoop({
      queue,
      cluster,
      client,
      events,
      now,
      findWaiting({ metadata }) {
        const current = pods.get(metadata.namespace, metadata.name ?? "");
        return current !== undefined && current.metadata.uid === metadata.uid && needsNode(current)
          ? current
          : undefined;
      },
      onError: (one, error) => log.error("scheduling not written", { pod: keyOf(one), error: String(error) }),
    }),
  );
  const watched = { cluster, queue, wake: loop.wake, onGated: (one: Pod) => loop.tellGated(one, GATED_TEXT) };
  stack.use(namespaces.subscribe(watchNamespaces(watched)));
  stack.use(nodes.subscribe(watchNodes(watched)));
  stack.use(
    services.subscribe({
      onAdd: cluster.services.setService,
      onUpdate: cluster.services.setService,
      onDelete: cluster.services.removeService,
    }),
  );
  for (const owner of owners) {
    stack.use(owner.subscribe({ onAdd: cluster.owners.setOwner, onDelete: cluster.owners.removeOwner }));
  }
  // The last one: pods that wait are first looked at when everything else is known.
  stack.use(pods.subscribe(watchPods(watched)));
  return stack.move();
}
