/** Finds the objects that tokens are bound to, in the caches. */
import type { Kind } from "#api/kind.ts";
import { node } from "#api/kinds/node.ts";
import { pod } from "#api/kinds/pod/pod.ts";
import { secret } from "#api/kinds/secret.ts";
import { serviceAccount } from "#api/kinds/service-account.ts";
import type { WatchCache } from "../cache/watch-cache.ts";
import type { BoundObjectLookup } from "./service-account-tokens.ts";

const KINDS: Readonly<Record<Parameters<BoundObjectLookup["findUid"]>[0], Kind>> = {
  serviceaccounts: serviceAccount,
  pods: pod,
  secrets: secret,
  nodes: node,
};

export function createObjectUidLookup(caches: (kind: Kind) => WatchCache): BoundObjectLookup {
  return {
    async findUid(resource, namespace, name, signal) {
      // As the cache has it: this is asked with every request that shows a token.
      const object = await caches(KINDS[resource]).get(namespace, name, "any", signal);
      return object?.metadata.uid;
    },
  };
}
