/** A step's check, again whenever something has changed at the API, until it holds or the time is over. */

import type { Kind, KubeObject } from "#api/kind.ts";
import { configMap } from "#api/kinds/config-map.ts";
import { event } from "#api/kinds/event.ts";
import { networkPolicy } from "#api/kinds/network-policy.ts";
import { pod } from "#api/kinds/pod/pod.ts";
import { service } from "#api/kinds/service/service.ts";
import { createInformer } from "#api-client/create-informer.ts";
import type { Finding, LabStep, LabWorld } from "./lab.ts";

/** Gives the last finding when the signal is aborted before the check holds. */
export async function waitForCheck(step: LabStep, world: LabWorld, signal: AbortSignal): Promise<Finding> {
  let changed = Promise.withResolvers<void>();
  const onChange = (): void => changed.resolve();
  await using stack = new AsyncDisposableStack();
  const over = new AbortController();
  stack.defer(() => over.abort());
  signal.addEventListener("abort", onChange, { signal: over.signal });
  const follow = <O extends KubeObject>(kind: Kind<O>): void => {
    const query = { namespace: "default" };
    const informer = stack.use(createInformer({ client: world.client, kind, query, onError: () => undefined }));
    stack.use(informer.subscribe({ onAdd: onChange, onUpdate: onChange, onDelete: onChange }));
  };
  follow(pod);
  follow(configMap);
  follow(event);
  follow(service);
  follow(networkPolicy);
  for (;;) {
    changed = Promise.withResolvers<void>();
    const finding = await step.check(world, over.signal);
    if (finding.done || signal.aborted) return finding;
    await changed.promise;
  }
}
