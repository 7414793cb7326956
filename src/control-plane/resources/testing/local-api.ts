/** The real resource API over a store, without admission: as much of a control plane as clients in process can see. */
import { apiVersionOf, type Kind } from "#api/kind.ts";
import { kinds as builtIn } from "#api/kinds.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import { createAdmission } from "../../admission/admission.ts";
import { createWatchCache, type WatchCacheOptions } from "../../cache/create-watch-cache.ts";
import type { WatchCache } from "../../cache/watch-cache.ts";
import type { Fence, Store } from "../../store/store.ts";
import { createResourceApi } from "../create-resource-api.ts";
import { createKindRegistry, type KindRegistry } from "../kind-registry.ts";
import { createLocalClient } from "../local-client.ts";
import type { ResourceApi, UserInfo } from "../resource-api.ts";
import { noReservations } from "../resource-deps.ts";

export interface LocalApi extends AsyncDisposable {
  readonly api: ResourceApi;
  readonly kinds: KindRegistry;
  client(fence?: Fence): ApiClient;
}

export const testUser: UserInfo = { name: "system:kube-controller-manager", groups: ["system:authenticated"] };

/** Does not dispose of the store. */
export function createLocalApi(store: Store, options: Omit<WatchCacheOptions, "store" | "kind"> = {}): LocalApi {
  const caches = new Map<string, WatchCache>();
  const cacheOf = (kind: Kind): WatchCache => {
    const name = `${apiVersionOf(kind)}/${kind.plural}`;
    const cache = caches.get(name) ?? createWatchCache({ ...options, store, kind });
    caches.set(name, cache);
    return cache;
  };
  const kinds = createKindRegistry(builtIn);
  const api = createResourceApi({
    kinds,
    caches: cacheOf,
    admission: createAdmission([]),
    reservations: noReservations,
    tokenIssuer: {
      issue() {
        throw new Error("There are no tokens in this test");
      },
    },
    reviews: { answer: async () => undefined },
    clock: () => new Date(),
    random: Math.random,
  });
  return {
    api,
    kinds,
    client: (fence) => createLocalClient({ api, kinds, user: testUser, ...(fence !== undefined && { fence }) }),
    async [Symbol.asyncDispose]() {
      await Promise.all([...caches.values()].map((cache) => cache[Symbol.asyncDispose]()));
    },
  };
}
