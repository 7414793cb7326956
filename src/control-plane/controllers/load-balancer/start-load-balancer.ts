/**
 * Gives Services of type LoadBalancer addresses of a local pool. What they have is learnt from their status, all of them
 * before the first one gets anything. That packets with these addresses reach a node is the network's business.
 */
import { type Service, service as serviceKind } from "#api/kinds/service/service.ts";
import type { Prefix } from "#base/ip-address.ts";
import type { Controller, ControllerContext } from "../controller.ts";
import { splitKey } from "../split-key.ts";
import { type KeyQueue, startControlLoop } from "../start-control-loop.ts";
import { type AddressPool, createAddressPool } from "./address-pool.ts";
import { assignedAddresses, isManaged, planLoadBalancer } from "./plan-load-balancer.ts";

const NAME = "load-balancer";

export function loadBalancerController({ pools }: { readonly pools: readonly Prefix[] }): Controller {
  return { name: NAME, start: (context) => start(context, createAddressPool(pools)) };
}

function start(context: ControllerContext, pool: AddressPool): Promise<AsyncDisposable> {
  const { client, events } = context;
  const services = context.informer(serviceKind);
  /** Services that found no address. */
  const waiting = new Set<string>();

  function release(service: Service, queue: KeyQueue): void {
    pool.release(service.metadata.uid ?? "");
    waiting.delete(keyOf(service));
    for (const key of waiting) queue.add(key);
  }

  return startControlLoop(context, {
    name: NAME,
    workers: 2,
    informers: [services],
    subscribe(queue, subscriptions) {
      const take = (service: Service): void => {
        const owner = service.metadata.uid ?? "";
        if (isManaged(service)) for (const address of assignedAddresses(service)) pool.take(owner, address);
        queue.add(keyOf(service));
      };
      subscriptions.use(
        services.subscribe({ onAdd: take, onUpdate: take, onDelete: (service) => release(service, queue) }),
      );
    },
    async work(key, signal, queue) {
      const { namespace, name } = splitKey(key);
      const service = services.get(namespace, name);
      if (service === undefined) return;
      const plan = planLoadBalancer(service, pool);
      if (plan.type !== "unavailable") waiting.delete(key);
      switch (plan.type) {
        case "none":
          return;
        case "unavailable":
          if (!waiting.has(key)) {
            const message = `No address for the load balancer: ${plan.reason}`;
            events.record(service, { type: "Warning", reason: "AllocationFailed", message });
          }
          waiting.add(key);
          return;
        case "assign": {
          const { uid, resourceVersion } = service.metadata;
          const ingress = plan.ingress.length === 0 ? null : plan.ingress;
          const body = { metadata: { uid, resourceVersion }, status: { loadBalancer: { ingress } } };
          await client.patch(serviceKind, { namespace, name }, { type: "merge", subresource: "status", body }, signal);
          if (ingress === null) for (const other of waiting) queue.add(other);
        }
      }
    },
  });
}

function keyOf({ metadata }: Service): string {
  return `${metadata.namespace}/${metadata.name}`;
}
