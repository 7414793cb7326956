/** Keeps the Endpoints of services with a selector in step with their pods, and removes those of services that are gone. */
import { isApiError } from "#api/api-error.ts";
import { type Endpoints, endpoints as endpointsKind } from "#api/kinds/endpoints.ts";
import { pod as podKind } from "#api/kinds/pod/pod.ts";
import { type Service, service as serviceKind } from "#api/kinds/service/service.ts";
import { keyOf } from "#api-client/object-cache.ts";
import type { Controller, ControllerContext } from "../controller.ts";
import { selectsPods } from "../endpoint-slice/select-services.ts";
import { podsOf, watchServicePods } from "../endpoint-slice/watch-service-pods.ts";
import { splitKey } from "../split-key.ts";
import { type KeyQueue, startControlLoop } from "../start-control-loop.ts";
import { planEndpoints } from "./plan-endpoints.ts";

const NAME = "endpoints";

/** Old leader elections hold their lock in Endpoints without a service. */
export const LEADER_ANNOTATION = "control-plane.alpha.kubernetes.io/leader";

export function endpointsController(): Controller {
  return { name: NAME, start };
}

function start(context: ControllerContext): Promise<AsyncDisposable> {
  const { client } = context;
  const services = context.informer(serviceKind);
  const pods = context.informer(podKind);
  const all = context.informer(endpointsKind);
  /** Services that were deleted, or that were gone already at the start: their Endpoints go, too. */
  const gone = new Set<string>();
  let isStarted = false;

  function watchEndpoints(queue: KeyQueue, subscriptions: AsyncDisposableStack): void {
    const look = (object: Endpoints): void => queue.add(keyOf(object));
    const onAdd = (object: Endpoints): void => {
      // Later, somebody may make Endpoints before he makes their service.
      const isLeft = !isStarted && object.metadata.annotations?.[LEADER_ANNOTATION] === undefined;
      if (isLeft) gone.add(keyOf(object));
      look(object);
    };
    subscriptions.use(all.subscribe({ onAdd, onUpdate: look, onDelete: look }));
    const onDelete = (service: Service): void => {
      gone.add(keyOf(service));
      queue.add(keyOf(service));
    };
    subscriptions.use(services.subscribe({ onDelete }));
  }

  async function remove({ metadata }: Endpoints, signal: AbortSignal): Promise<void> {
    const { namespace, name = "", uid } = metadata;
    try {
      await client.delete(endpointsKind, { namespace, name }, uid === undefined ? {} : { uid }, signal);
    } catch (error) {
      if (!isApiError(error, "NotFound")) throw error;
    }
  }

  const started = startControlLoop(context, {
    name: NAME,
    workers: 4,
    informers: [services, pods, all],
    subscribe(queue, subscriptions) {
      watchEndpoints(queue, subscriptions);
      watchServicePods(context, queue, subscriptions);
    },
    async work(key, signal) {
      const { namespace, name } = splitKey(key);
      const service = services.get(namespace, name);
      const current = all.get(namespace, name);
      if (service === undefined) {
        if (current !== undefined && gone.has(key)) await remove(current, signal);
        gone.delete(key);
        return;
      }
      gone.delete(key);
      if (!selectsPods(service)) return;
      const plan = planEndpoints({ service, pods: podsOf(service, pods), current });
      if (plan.type === "create") await client.create(endpointsKind, plan.draft, signal);
      if (plan.type === "update") await client.update(endpointsKind, plan.next, signal);
    },
  });
  return started.finally(() => {
    isStarted = true;
  });
}
