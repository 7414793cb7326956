/**
 * The fence is a key of its own, written once for each term: its revision is what the leader's writes are bound to.
 * The lease itself changes with every renewal and cannot serve. A leader that was stopped for longer than its lease,
 * and does not know yet, finds that the fence has another revision with its next write.
 */
import type { Lease } from "#api/kinds/lease.ts";
import { lease as leaseKind } from "#api/kinds/lease.ts";
import { objectKey, storePrefix } from "../cache/store-key.ts";
import { revisionOf } from "../resources/stored-object.ts";
import type { Fence, Store } from "../store/store.ts";

/** Rejects with StoreError `fenced` when the lease is not as it was, `conflict` when another term began meanwhile. */
export async function takeFence(
  store: Pick<Store, "get" | "write">,
  lease: Lease,
  signal: AbortSignal,
): Promise<Fence> {
  const { namespace, name = "" } = lease.metadata;
  const place = objectKey(namespace, name);
  const key = `/registry/podwire.io/fences/${place}`;
  const { holderIdentity = "", leaseTransitions = 0 } = lease.spec ?? {};
  const current = await store.get(key, signal);
  const revision = await store.write(
    {
      key,
      value: JSON.stringify({ holder: holderIdentity, term: leaseTransitions }),
      expected: current?.revision ?? 0,
      fence: { key: storePrefix(leaseKind) + place, revision: revisionOf(lease) },
    },
    signal,
  );
  return { key, revision };
}
