/** Keeps the EndpointSlices of services with a selector in step with their pods. */
import { endpointSlice } from "#api/kinds/endpoint-slice.ts";
import { node as nodeKind } from "#api/kinds/node.ts";
import { pod as podKind } from "#api/kinds/pod/pod.ts";
import { service as serviceKind } from "#api/kinds/service/service.ts";
import type { Controller, ControllerContext } from "../controller.ts";
import { splitKey } from "../split-key.ts";
import { startControlLoop } from "../start-control-loop.ts";
import { createManagedSlices } from "./manage-slices.ts";
import { ENDPOINT_SLICE_MANAGER, planEndpointSlices } from "./plan-endpoint-slices.ts";
import { selectsPods } from "./select-services.ts";
import { podsOf, watchNodesOfPods, watchServicePods } from "./watch-service-pods.ts";

export interface EndpointSliceOptions {
  /** Default: 100, as in Kubernetes. */
  readonly maxEndpointsPerSlice?: number | undefined;
}

const NAME = "endpoint-slice";
const MAX_PER_SLICE = 100;

export function endpointSliceController(options: EndpointSliceOptions = {}): Controller {
  return { name: NAME, start: (context) => start(context, options) };
}

function start(context: ControllerContext, { maxEndpointsPerSlice = MAX_PER_SLICE }: EndpointSliceOptions) {
  const services = context.informer(serviceKind);
  const pods = context.informer(podKind);
  const nodes = context.informer(nodeKind);
  const managed = createManagedSlices(context, ENDPOINT_SLICE_MANAGER);
  return startControlLoop(context, {
    name: NAME,
    workers: 4,
    informers: [services, pods, nodes, context.informer(endpointSlice)],
    subscribe(queue, subscriptions) {
      managed.watch(queue, subscriptions);
      watchServicePods(context, queue, subscriptions);
      watchNodesOfPods(context, queue, subscriptions);
    },
    async work(key, signal, queue) {
      const { namespace, name } = splitKey(key);
      const service = services.get(namespace, name);
      // Slices of a service that is gone go with it.
      if (service === undefined || !selectsPods(service)) return;
      const wanted = {
        service,
        pods: podsOf(service, pods),
        findNode: (nodeName: string) => nodes.get(undefined, nodeName),
        maxPerSlice: maxEndpointsPerSlice,
      };
      await managed.write(key, (slices) => planEndpointSlices({ ...wanted, slices }), queue, signal);
    },
  });
}
