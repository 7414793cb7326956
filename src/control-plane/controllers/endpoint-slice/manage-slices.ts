/** What all makers of slices do alike: watch their slices, and write a plan without creating anything twice. */
import { type EndpointSlice, endpointSlice } from "#api/kinds/endpoint-slice.ts";
import type { ControllerContext } from "../controller.ts";
import { createPendingCreates, PENDING_MS } from "../pending-creates.ts";
import { splitKey } from "../split-key.ts";
import type { KeyQueue } from "../start-control-loop.ts";
import { applySlicePlan } from "./apply-slice-plan.ts";
import type { SlicePlan } from "./plan-slices.ts";
import { serviceKeyOf, slicesOf } from "./slices-of.ts";

export interface ManagedSlices {
  /** Services whose slices change are looked at again. */
  watch(queue: KeyQueue, subscriptions: AsyncDisposableStack): void;
  /** Plans from the service's slices and writes; later, while slices that were created are not known yet. */
  write(
    key: string,
    plan: (slices: readonly EndpointSlice[]) => SlicePlan,
    queue: KeyQueue,
    signal: AbortSignal,
  ): Promise<void>;
}

export function createManagedSlices(
  { client, informer, now }: Pick<ControllerContext, "client" | "informer" | "now">,
  manager: string,
): ManagedSlices {
  const slices = informer(endpointSlice);
  const pending = createPendingCreates(now);

  return {
    watch(queue, subscriptions) {
      const look = (slice: EndpointSlice): void => {
        const key = serviceKeyOf(slice, manager);
        if (key !== undefined) queue.add(key);
      };
      const seen = (slice: EndpointSlice): void => {
        pending.seen(slice.metadata.uid ?? "");
        look(slice);
      };
      const onUpdate = (slice: EndpointSlice, old: EndpointSlice): void => {
        look(old);
        look(slice);
      };
      subscriptions.use(slices.subscribe({ onAdd: seen, onUpdate, onDelete: seen }));
    },
    async write(key, plan, queue, signal) {
      // Its slice's arrival brings the key back; the delay is for one that never arrives.
      if (pending.has(key)) return queue.addAfter(key, PENDING_MS);
      const onCreated = ({ metadata }: EndpointSlice): void => {
        const { namespace, name = "", uid = "" } = metadata;
        if (slices.get(namespace, name) === undefined) pending.expect(key, uid);
      };
      await applySlicePlan(plan(slicesOf(slices, splitKey(key), manager)), { client, onCreated }, signal);
    },
  };
}
