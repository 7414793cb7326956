/** Keeps slices in step with the Endpoints of services without a selector. */

import type { KubeObject } from "#api/kind.ts";
import { endpointSlice } from "#api/kinds/endpoint-slice.ts";
import { endpoints as endpointsKind } from "#api/kinds/endpoints.ts";
import { service as serviceKind } from "#api/kinds/service/service.ts";
import { keyOf } from "#api-client/object-cache.ts";
import type { Controller, ControllerContext } from "../controller.ts";
import { createManagedSlices } from "../endpoint-slice/manage-slices.ts";
import { splitKey } from "../split-key.ts";
import { startControlLoop } from "../start-control-loop.ts";
import { MIRRORING_MANAGER, planMirroredSlices } from "./plan-mirrored-slices.ts";

const NAME = "endpoint-slice-mirroring";

export function endpointSliceMirroringController(): Controller {
  return { name: NAME, start };
}

function start(context: ControllerContext): Promise<AsyncDisposable> {
  const services = context.informer(serviceKind);
  const endpoints = context.informer(endpointsKind);
  const managed = createManagedSlices(context, MIRRORING_MANAGER);
  return startControlLoop(context, {
    name: NAME,
    workers: 2,
    informers: [services, endpoints, context.informer(endpointSlice)],
    subscribe(queue, subscriptions) {
      managed.watch(queue, subscriptions);
      const look = (object: KubeObject): void => queue.add(keyOf(object));
      for (const informer of [services, endpoints]) {
        subscriptions.use(informer.subscribe({ onAdd: look, onUpdate: look, onDelete: look }));
      }
    },
    async work(key, signal, queue) {
      const { namespace, name } = splitKey(key);
      const mirrored = { service: services.get(namespace, name), endpoints: endpoints.get(namespace, name) };
      await managed.write(key, (slices) => planMirroredSlices({ ...mirrored, slices }), queue, signal);
    },
  });
}
