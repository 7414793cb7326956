/** A resource API that serves custom kinds, over a store in memory. */
import assert from "node:assert/strict";
import { after } from "node:test";
import type { Kind, KubeObject } from "#api/kind.ts";
import { customResourceDefinition } from "#api/kinds/custom-resource-definition/custom-resource-definition.ts";
import type { CustomResourceDefinition } from "#api/kinds/custom-resource-definition/definition-spec.ts";
import type { JsonObject } from "#base/json.ts";
import { definitionLifecycle } from "../../admission/definition-lifecycle.ts";
import { namespaceLifecycle } from "../../admission/namespace-lifecycle.ts";
import type { WatchCache } from "../../cache/watch-cache.ts";
import { asKind } from "../../resources/stored-object.ts";
import { context, createTestApi, type TestApi } from "../../resources/testing/test-api.ts";
import { type CustomResourceCaches, createCustomResourceCaches } from "../custom-resource-caches.ts";
import { startCustomResources } from "../start-custom-resources.ts";

export interface CustomApi extends TestApi {
  readonly customCaches: CustomResourceCaches;
  /** What went wrong in the background. */
  readonly errors: unknown[];
  define(manifest: JsonObject): Promise<void>;
  /** Resolves with the definition once it is so; undefined is one that is gone. */
  definition(
    name: string,
    isSo: (definition: CustomResourceDefinition | undefined) => boolean,
  ): Promise<CustomResourceDefinition | undefined>;
}

const DEADLINE_MS = 5_000;

export async function createCustomApi(): Promise<CustomApi> {
  const core: { of?: (kind: Kind) => WatchCache } = {};
  const customCaches = createCustomResourceCaches((kind) => {
    assert.ok(core.of !== undefined);
    return core.of(kind);
  });
  const test = await createTestApi({
    deps: { caches: customCaches.of },
    rules(caches) {
      core.of = caches;
      return [namespaceLifecycle(caches), definitionLifecycle];
    },
  });
  const errors: unknown[] = [];
  const running = await startCustomResources(
    {
      registry: test.kinds,
      caches: customCaches,
      resourceApi: test.api,
      now: test.now,
      onError: (_, error) => errors.push(error),
    },
    new AbortController().signal,
  );
  after(() => running[Symbol.asyncDispose]());
  return {
    ...test,
    customCaches,
    errors,
    async define(manifest) {
      await test.api.create(test.target("customresourcedefinitions.apiextensions.k8s.io"), manifest, context());
    },
    definition: (name, isSo) => untilDefinition(customCaches.of(customResourceDefinition), name, isSo),
  };
}

async function untilDefinition(
  cache: WatchCache,
  name: string,
  isSo: (definition: CustomResourceDefinition | undefined) => boolean,
): Promise<CustomResourceDefinition | undefined> {
  const found = Promise.withResolvers<CustomResourceDefinition | undefined>();
  const signal = AbortSignal.timeout(DEADLINE_MS);
  signal.addEventListener("abort", () => found.reject(new Error(`${name} has not become what the test waits for`)));
  let current: CustomResourceDefinition | undefined;
  let isInitial = true;
  const tell = (object: KubeObject | undefined) => {
    current = object === undefined ? undefined : asKind(customResourceDefinition, object);
    if (!isInitial && isSo(current)) found.resolve(current);
  };
  const request = {
    namespace: undefined,
    selector: ({ metadata }: KubeObject) => metadata.name === name,
    after: undefined,
    marksInitialEvents: true,
    wantsBookmarks: false,
  };
  using _watch = await cache.watch(
    request,
    {
      onEvent(event) {
        if (event.type === "BOOKMARK") {
          isInitial = false;
          if (isSo(current)) found.resolve(current);
        } else tell(event.type === "DELETED" ? undefined : event.object);
        return true;
      },
      onEnd: found.reject,
    },
    signal,
  );
  return await found.promise;
}
