import assert from "node:assert/strict";
import { test } from "node:test";
import { conflictError } from "#api/api-error.ts";
import { event } from "#api/kinds/event.ts";
import { node } from "#api/kinds/node.ts";
import { type Pod, pod } from "#api/kinds/pod/pod.ts";
import { replicaSet } from "#api/kinds/replica-set.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import type { Informer } from "#api-client/informer.ts";
import { createMemoryClient } from "#api-client/testing/memory-client.ts";
import { createControllerContext } from "../controllers/create-controller-context.ts";
import { createLocalClient } from "../resources/local-client.ts";
import { createTestApi } from "../resources/testing/test-api.ts";
import { schedulerController } from "./scheduler-controller.ts";
import { testNode, testPod } from "./testing/builders.ts";

const DEADLINE_MS = 20_000;
const quiet = { info: () => undefined, error: () => undefined };

/** The scheduler on this API; `until` waits for a pod to be so. */
async function startScheduler(client: ApiClient) {
  await using stack = new AsyncDisposableStack();
  const shared = stack.use(createControllerContext({ client, log: quiet }));
  const context = shared.of(schedulerController.name);
  stack.use(await schedulerController.start(context));
  const pods: Informer<Pod> = context.informer(pod);
  const kept = stack.move();
  return {
    async until(name: string, isSo: (one: Pod) => boolean): Promise<Pod> {
      const { promise, resolve, reject } = Promise.withResolvers<Pod>();
      const timer = setTimeout(() => {
        reject(new Error(`${name} is not so: ${JSON.stringify(pods.get("default", name))}`));
      }, DEADLINE_MS);
      const look = (one: Pod): void => {
        if (one.metadata.name === name && isSo(one)) resolve(one);
      };
      using _watching = pods.subscribe({ onAdd: look, onUpdate: look });
      return await promise.finally(() => clearTimeout(timer));
    },
    /** Ends the scheduler, and what it still has to write. */
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

const isBound = ({ spec }: Pod): boolean => (spec.nodeName ?? "") !== "";
const saysWhyNot = ({ status }: Pod): boolean =>
  status?.conditions?.some(({ type, status: value }) => type === "PodScheduled" && value === "False") === true;

test("schedulerController binds pods, those that were there and those that come, and records events", async () => {
  const client = createMemoryClient();
  client.put(node, testNode("a"));
  client.put(pod, testPod("early"));
  {
    await using scheduler = await startScheduler(client);
    await scheduler.until("early", isBound);
    client.put(pod, testPod("late"));
    await scheduler.until("late", isBound);
  }
  const events = client
    .all(event)
    .map(({ type, reason, message, source }) => [type, reason, message, source?.component]);
  assert.deepEqual(events, [
    ["Normal", "Scheduled", "Successfully assigned default/early to a", "default-scheduler"],
    ["Normal", "Scheduled", "Successfully assigned default/late to a", "default-scheduler"],
  ]);
});

test("schedulerController says why a pod has no node, and places it when there is room", async () => {
  const client = createMemoryClient();
  client.put(node, testNode("a"));
  await using scheduler = await startScheduler(client);
  client.put(pod, testPod("web", { requests: { cpu: "6" } }));
  const { status } = await scheduler.until("web", saysWhyNot);
  assert.equal(status?.conditions?.[0]?.message, "0/1 nodes are available: 1 Insufficient cpu.");
  client.put(node, testNode("b", { allocatable: { cpu: "8" } }));
  assert.equal((await scheduler.until("web", isBound)).spec.nodeName, "b");
});

test("schedulerController tries again when a binding has failed", async () => {
  const client = createMemoryClient();
  client.put(node, testNode("a"));
  let failures = 0;
  client.fail = ({ subresource }) =>
    subresource === "binding" && failures++ === 0 ? conflictError(pod, "web", "not now") : undefined;
  await using scheduler = await startScheduler(client);
  client.put(pod, testPod("web"));
  await scheduler.until("web", isBound);
  assert.equal(failures, 2);
});

test("schedulerController never puts more pods on a node than it takes", async () => {
  const client = createMemoryClient();
  for (const name of ["a", "b"]) client.put(node, testNode(name, { allocatable: { pods: "10" } }));
  for (let number = 0; number < 25; number++) client.put(pod, testPod(`web-${number}`));
  await using scheduler = await startScheduler(client);
  // The last one by name is the last one of the list.
  await scheduler.until("web-9", saysWhyNot);
  const counts = ["a", "b"].map((name) => client.all(pod).filter(({ spec }) => spec.nodeName === name).length);
  assert.deepEqual(counts, [10, 10]);
});

test("schedulerController works with the real API: bindings, conditions, gates, spread replicas", async () => {
  const { api, kinds, signal } = await createTestApi();
  const client = createLocalClient({ api, kinds, user: { name: "system:kube-scheduler", groups: ["system:masters"] } });
  const containers = [{ name: "main", image: "nginx" }];
  for (const name of ["a", "b", "c"]) await client.create(node, testNode(name), signal);
  const labels = { app: "web" };
  const owner = await client.create(
    replicaSet,
    {
      metadata: { namespace: "default", name: "web" },
      spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } },
    },
    signal,
  );
  const ownerReferences = [
    { apiVersion: "apps/v1", kind: "ReplicaSet", name: "web", uid: owner.metadata.uid ?? "", controller: true },
  ];
  const create = (name: string, spec: Partial<Pod["spec"]> = {}, metadata: Pod["metadata"] = {}) =>
    client.create(
      pod,
      { metadata: { namespace: "default", name, ...metadata }, spec: { containers, ...spec } },
      signal,
    );
  await using scheduler = await startScheduler(client);

  for (let number = 0; number < 6; number++) await create(`web-${number}`, {}, { labels, ownerReferences });
  const used = new Map<string | undefined, number>();
  for (let number = 0; number < 6; number++) {
    const { spec, status } = await scheduler.until(`web-${number}`, isBound);
    used.set(spec.nodeName, (used.get(spec.nodeName) ?? 0) + 1);
    assert.equal(status?.conditions?.find(({ type }) => type === "PodScheduled")?.status, "True");
  }
  assert.deepEqual([...used.values()], [2, 2, 2]);

  await create("nowhere", { nodeSelector: { disk: "ssd" } });
  const nowhere = await scheduler.until("nowhere", saysWhyNot);
  const { lastTransitionTime, ...condition } = nowhere.status?.conditions?.[0] ?? { type: "", status: "Unknown" };
  assert.ok(lastTransitionTime !== undefined);
  assert.deepEqual(condition, {
    type: "PodScheduled",
    status: "False",
    reason: "Unschedulable",
    message: "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.",
  });

  const gated = await create("gated", { schedulingGates: [{ name: "example.com/wait" }] });
  await create("behind");
  await scheduler.until("behind", isBound);
  assert.equal(isBound(await client.get(pod, { namespace: "default", name: "gated" }, signal)), false);
  assert.equal(gated.status?.conditions?.[0]?.reason, "SchedulingGated");
  const body = { spec: { schedulingGates: null } };
  await client.patch(pod, { namespace: "default", name: "gated" }, { type: "merge", body }, signal);
  await scheduler.until("gated", isBound);
});
