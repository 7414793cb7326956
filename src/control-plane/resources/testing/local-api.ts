/** The real resource API over a store, without admission: as much of a control plane as clients in process can see. */
import { kinds as builtIn } from "#api/kinds.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import { createAdmission } from "../../admission/admission.ts";
import { createWatchCaches } from "../../cache/watch-caches.ts";
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
export function createLocalApi(store: Store): LocalApi {
  const caches = createWatchCaches(store);
  const kinds = createKindRegistry(builtIn);
  const api = createResourceApi({
    kinds,
    caches: (kind) => caches.of(kind),
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
    [Symbol.asyncDispose]: () => caches[Symbol.asyncDispose](),
  };
}
