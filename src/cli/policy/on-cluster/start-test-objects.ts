/**
 * A test's namespaces, pods and policies in a running cluster, under names of their own. Everything goes with the run;
 * what a killed run has left goes with the next.
 */

import { clusterNetworkPolicy } from "#api/kinds/cluster-network-policy/cluster-network-policy.ts";
import { namespace as namespaceKind } from "#api/kinds/namespace.ts";
import { networkPolicy } from "#api/kinds/network-policy.ts";
import { type Pod, pod as podKind } from "#api/kinds/pod/pod.ts";
import type { PolicyRevisions } from "#api/programmed/policy-answer.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import { createInformer } from "#api-client/create-informer.ts";
import { formatOwner } from "#policy-test/cluster/owner.ts";
import {
  type ClusterRun,
  nameOfTest,
  OWNER_ANNOTATION,
  planClusterObjects,
  RUN_LABEL,
} from "#policy-test/cluster/plan-cluster-objects.ts";
import type { PolicyTest, TestPod } from "#policy-test/policy-test.ts";
import { PolicyTestError } from "#policy-test/policy-test-error.ts";
import { removeRun } from "./remove-runs.ts";

export interface TestObjectsDeps {
  readonly client: ApiClient;
  readonly image: string;
  readonly commandOf: (pod: TestPod) => readonly string[];
  /** Names of the nodes that pods go to. */
  readonly nodes: readonly string[];
  /** When this process will have ended, however it ends: Unix seconds. */
  readonly deadlineSeconds: number;
}

export interface TestObjects extends AsyncDisposable {
  /** By `namespace/name` of the test; all of them ready. */
  readonly pods: ReadonlyMap<string, Pod>;
  /** Answers the versions that were written last. */
  createPolicies(): Promise<PolicyRevisions>;
  /** Whoever has heard of these versions has heard that the policies are gone. */
  deletePolicies(): Promise<PolicyRevisions>;
  /** A name in the cluster as the test has it. */
  nameOf(text: string): string;
}

export async function startTestObjects(
  test: PolicyTest,
  { client, nodes, deadlineSeconds, ...options }: TestObjectsDeps,
  signal: AbortSignal,
): Promise<TestObjects> {
  await using stack = new AsyncDisposableStack();
  const id = Math.floor(Math.random() * 36 ** 6)
    .toString(36)
    .padStart(6, "0");
  const run: ClusterRun = { ...options, id, owner: formatOwner(deadlineSeconds), nodes: nodes.toSorted() };
  const objects = planClusterObjects(test, run);
  stack.defer(() => removeRun(client, id));
  for (const one of objects.namespaces) await client.create(namespaceKind, one, signal);
  await Promise.all(objects.pods.map((pod) => client.create(podKind, pod, signal)));
  const pods = await podsReady(client, run, objects.pods.length, signal);
  const owned = stack.move();
  return {
    pods: new Map(pods.map((pod) => [nameOfTest(run, `${pod.metadata.namespace}/${pod.metadata.name}`), pod])),
    nameOf: (text) => nameOfTest(run, text),
    async createPolicies() {
      const made = await Promise.all(objects.networkPolicies.map((one) => client.create(networkPolicy, one, signal)));
      const wide = await Promise.all(
        objects.clusterNetworkPolicies.map((one) => client.create(clusterNetworkPolicy, one, signal)),
      );
      return { networkPolicies: lastVersion(made), clusterNetworkPolicies: lastVersion(wide) };
    },
    async deletePolicies() {
      await Promise.all([
        ...objects.networkPolicies.map(({ metadata: { namespace, name = "" } }) =>
          client.delete(networkPolicy, { namespace, name }, {}, signal),
        ),
        ...objects.clusterNetworkPolicies.map(({ metadata: { name = "" } }) =>
          client.delete(clusterNetworkPolicy, { name }, {}, signal),
        ),
      ]);
      return await markEnd(client, run, objects, signal);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Agents hear events of a kind in their order: who has a policy that is made now has heard that the others are gone. */
async function markEnd(
  client: ApiClient,
  run: ClusterRun,
  { namespaces, clusterNetworkPolicies }: ReturnType<typeof planClusterObjects>,
  signal: AbortSignal,
): Promise<PolicyRevisions> {
  const nobody = { matchLabels: { [RUN_LABEL]: "nobody" } };
  const [first] = namespaces;
  const marker = { metadata: { namespace: first?.metadata.name ?? "default", name: `pwt-${run.id}-end` } };
  const made = await client.create(networkPolicy, { ...marker, spec: { podSelector: nobody } }, signal);
  if (clusterNetworkPolicies.length === 0) {
    return { networkPolicies: lastVersion([made]), clusterNetworkPolicies: 0 };
  }
  const wide = await client.create(
    clusterNetworkPolicy,
    {
      metadata: {
        name: `pwt-${run.id}-end`,
        labels: { [RUN_LABEL]: run.id },
        annotations: { [OWNER_ANNOTATION]: run.owner },
      },
      spec: { tier: "Baseline", priority: 0, subject: { namespaces: nobody } },
    },
    signal,
  );
  return { networkPolicies: lastVersion([made]), clusterNetworkPolicies: lastVersion([wide]) };
}

function lastVersion(objects: readonly { readonly metadata: { readonly resourceVersion?: string | undefined } }[]) {
  return Math.max(0, ...objects.map(({ metadata }) => Number(metadata.resourceVersion ?? 0)));
}

/** Rejects at the signal with the pods that are not, and what they wait for. */
async function podsReady(
  client: ApiClient,
  run: ClusterRun,
  count: number,
  signal: AbortSignal,
): Promise<readonly Pod[]> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly Pod[]>();
  const isMine = (pod: Pod): boolean => pod.metadata.namespace?.startsWith(`pwt-${run.id}-`) ?? false;
  await using pods = createInformer<Pod>({ client, kind: podKind, onError: () => undefined });
  const look = (): void => {
    const ready = pods.list().filter((pod) => isMine(pod) && isReady(pod));
    if (pods.hasSynced() && ready.length === count) resolve(ready);
  };
  const late = (): void => {
    const waiting = pods.list().filter((pod) => isMine(pod) && !isReady(pod));
    const why = `The test's pods are not ready in time: ${waiting.map(describeWaiting).join("; ")}`;
    reject(new PolicyTestError("machine", why, { next: "give it more time: --timeout", cause: signal.reason }));
  };
  signal.addEventListener("abort", late, { once: true });
  using _ = pods.subscribe({ onAdd: look, onUpdate: look });
  pods.synced.then(look, () => undefined); // closed
  try {
    return await promise;
  } finally {
    signal.removeEventListener("abort", late);
  }
}

function isReady({ status }: Pod): boolean {
  return status?.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True") ?? false;
}

function describeWaiting({ metadata, status }: Pod): string {
  const why = status?.containerStatuses?.flatMap(
    ({ state }) => state?.waiting?.message ?? state?.waiting?.reason ?? [],
  );
  return `${metadata.name} is ${status?.phase ?? "unknown"}${why?.length ? ` (${why.join(", ")})` : ""}`;
}
