/**
 * Serves what CustomResourceDefinitions declare: follows them, puts their kinds into the registry and out of it,
 * tells in their status what has become of them, and deletes the objects of those that go.
 * Several control planes may do so at once: each serves the kinds, and of the same status one write counts.
 */
import { isApiError } from "#api/api-error.ts";
import type { KubeObject } from "#api/kind.ts";
import { customResourceDefinition } from "#api/kinds/custom-resource-definition/custom-resource-definition.ts";
import type { CustomResourceDefinition } from "#api/kinds/custom-resource-definition/definition-spec.ts";
import { createWorkQueue } from "#api-client/create-work-queue.ts";
import type { JsonValue } from "#base/json.ts";
import { followCache } from "../allocation/follow-cache.ts";
import { serverContext } from "../ensure-bootstrap-objects.ts";
import type { KindRegistry } from "../resources/kind-registry.ts";
import type { ResourceApi } from "../resources/resource-api.ts";
import { asKind } from "../resources/stored-object.ts";
import { createCustomKind, storageVersionOf } from "./custom-kind.ts";
import type { CustomResourceCaches } from "./custom-resource-caches.ts";
import { deleteInstances } from "./delete-instances.ts";
import { finalizeDefinition, isToBeFinalized, statusTarget } from "./finalize-definition.ts";
import { planStatus } from "./plan-status.ts";
import { createServedKinds, type ServedKinds } from "./served-kinds.ts";

export interface CustomResourcesDeps {
  readonly registry: KindRegistry;
  readonly caches: CustomResourceCaches;
  readonly resourceApi: ResourceApi;
  readonly now: () => Date;
  onError(definition: string, error: unknown): void;
}

/** Definitions whose objects are being deleted may take long; there are never many. */
const WORKERS = 8;

/** Resolves when every kind that is declared is served. */
export async function startCustomResources(deps: CustomResourcesDeps, signal: AbortSignal): Promise<AsyncDisposable> {
  const served = createServedKinds(deps);
  const queue = createWorkQueue({
    name: "custom resource definitions",
    workers: WORKERS,
    work: (name, working) => settleDefinition(deps, served, name, working),
    onError: deps.onError,
  });
  const stop = new AbortController();
  await using stack = new AsyncDisposableStack();
  stack.use(queue);
  stack.defer(() => stop.abort());
  const changed = (name: string, definition: CustomResourceDefinition | undefined): void => {
    for (const affected of served.update(name, definition)) queue.add(affected);
  };
  const follower = {
    onObject: (object: KubeObject) => changed(object.metadata.name ?? "", asKind(customResourceDefinition, object)),
    onGone: (object: KubeObject) => changed(object.metadata.name ?? "", undefined),
    onInitialEnd(objects: readonly KubeObject[]) {
      const present = new Set(objects.map(({ metadata }) => metadata.name));
      for (const name of served.names()) if (!present.has(name)) changed(name, undefined);
    },
    onRevision: () => undefined,
    onLost: (error: unknown) => deps.onError("", error),
  };
  await followCache(deps.caches.of(customResourceDefinition), follower, AbortSignal.any([signal, stop.signal]));
  return stack.move();
}

/** Brings the status of a definition up to date, or takes it out of the way. */
async function settleDefinition(
  deps: CustomResourcesDeps,
  served: ServedKinds,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  const plan = served.plan(name);
  if (plan === undefined) return;
  const { definition, acceptedNames: names } = plan;
  const write = (next: CustomResourceDefinition) => writeStatus(deps, next, signal);
  if (isToBeFinalized(definition)) {
    await finalizeDefinition(definition, {
      now: deps.now,
      write,
      async deleteInstances() {
        const version = definition.spec.versions.find((one) => one.name === storageVersionOf(definition));
        if (version === undefined) return;
        const kind = createCustomKind({ definition, version, names });
        await deleteInstances({ resourceApi: deps.resourceApi, cache: deps.caches.of(kind), kind }, signal);
      },
    });
    return;
  }
  const status = planStatus(plan, deps.now());
  if (status !== undefined) await write({ ...definition, status });
}

/** undefined: it has changed meanwhile or is gone, and another event tells so. */
async function writeStatus(
  { resourceApi }: CustomResourcesDeps,
  definition: CustomResourceDefinition,
  signal: AbortSignal,
): Promise<CustomResourceDefinition | undefined> {
  try {
    // Definitions are JSON.
    const body = definition as unknown as JsonValue;
    const target = statusTarget(definition.metadata.name ?? "");
    const { object } = await resourceApi.update(target, body, serverContext(signal));
    return asKind(customResourceDefinition, object);
  } catch (error) {
    if (isApiError(error, "Conflict") || isApiError(error, "NotFound")) return undefined;
    throw error;
  }
}
