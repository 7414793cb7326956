/** Takes away what runs of policy tests have made in a cluster: one's own at its end, and others' that were killed. */
import { isApiError } from "#api/api-error.ts";
import { clusterNetworkPolicy } from "#api/kinds/cluster-network-policy/cluster-network-policy.ts";
import { type Namespace, namespace as namespaceKind } from "#api/kinds/namespace.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import { createInformer } from "#api-client/create-informer.ts";
import { isLeftOver } from "#policy-test/cluster/owner.ts";
import { OWNER_ANNOTATION, RUN_LABEL } from "#policy-test/cluster/plan-cluster-objects.ts";

const DEADLINE_MS = 60_000;

/** Answers the runs whose process is gone, when they are gone as well. */
export async function removeLeftRuns(client: ApiClient, signal: AbortSignal): Promise<readonly string[]> {
  const query = { labelSelector: RUN_LABEL };
  const [namespaces, policies] = await Promise.all([
    client.list(namespaceKind, query, signal).then(({ items }) => items),
    listClusterPolicies(client, query, signal),
  ]);
  const nowSeconds = Date.now() / 1000;
  const left = [...namespaces, ...policies]
    .filter(({ metadata }) => isLeftOver(metadata.annotations?.[OWNER_ANNOTATION] ?? "", nowSeconds))
    .flatMap(({ metadata }) => metadata.labels?.[RUN_LABEL] ?? []);
  const runs = [...new Set(left)];
  for (const run of runs) await removeRun(client, run, signal);
  return runs;
}

/** Resolves when the API has nothing of it any more. */
export async function removeRun(
  client: ApiClient,
  run: string,
  signal: AbortSignal = AbortSignal.timeout(DEADLINE_MS),
): Promise<void> {
  const query = { labelSelector: `${RUN_LABEL}=${run}` };
  for (const { metadata } of await listClusterPolicies(client, query, signal)) {
    await absentIsFine(client.delete(clusterNetworkPolicy, { name: metadata.name ?? "" }, {}, signal));
  }
  const namespaces = await client.list(namespaceKind, query, signal);
  for (const { metadata } of namespaces.items) {
    await absentIsFine(client.delete(namespaceKind, { name: metadata.name ?? "" }, {}, signal));
  }
  await gone(client, query, signal);
}

/** None where the API does not know them. */
async function listClusterPolicies(client: ApiClient, query: { readonly labelSelector: string }, signal: AbortSignal) {
  try {
    return (await client.list(clusterNetworkPolicy, query, signal)).items;
  } catch (error) {
    if (isApiError(error, "NotFound")) return [];
    throw error;
  }
}

async function absentIsFine(deletion: Promise<void>): Promise<void> {
  await deletion.catch((error: unknown) => {
    if (!isApiError(error, "NotFound")) throw error;
  });
}

async function gone(client: ApiClient, query: { readonly labelSelector: string }, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  await using left = createInformer<Namespace>({ client, kind: namespaceKind, query, onError: () => undefined });
  const look = (): void => {
    if (left.hasSynced() && left.list().length === 0) resolve();
  };
  const late = (): void => {
    const names = left.list().map(({ metadata }) => metadata.name);
    reject(new Error(`Namespaces are not gone: ${names.join(", ")}`, { cause: signal.reason }));
  };
  signal.addEventListener("abort", late, { once: true });
  if (signal.aborted) late();
  using _ = left.subscribe({ onDelete: look });
  left.synced.then(look, () => undefined); // closed
  try {
    await promise;
  } finally {
    signal.removeEventListener("abort", late);
  }
}
