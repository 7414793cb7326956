import assert from "node:assert/strict";
import { test } from "node:test";
import { conflictError, notFoundError } from "#api/api-error.ts";
import { type Pod, pod as podKind } from "#api/kinds/pod/pod.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import type { JsonValue } from "#base/json.ts";
import { createSchedulingQueue } from "./queue/scheduling-queue.ts";
import { startSchedulingLoop } from "./scheduling-loop.ts";
import { createClusterState } from "./state/cluster-state.ts";
import { testNode, testPod } from "./testing/builders.ts";

/** A loop whose writes are looked at, and answered, one by one. */
function createFixture() {
  let nowMs = 0;
  const queue = createSchedulingQueue({ nowMs: () => nowMs });
  const cluster = createClusterState();
  const waiting = new Map<string, Pod>();
  const told: string[] = [];
  const errors: unknown[] = [];
  const calls: { readonly what: string; readonly body: JsonValue; readonly answer: PromiseWithResolvers<void> }[] = [];
  let called = Promise.withResolvers<void>();

  function call(what: string, body: JsonValue, signal: AbortSignal): Promise<void> {
    const answer = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => answer.reject(signal.reason), { once: true });
    calls.push({ what, body, answer });
    called.resolve();
    return answer.promise;
  }
  const client: Pick<ApiClient, "createSubresource" | "patch"> = {
    async createSubresource(_kind, { name }, subresource, body, signal) {
      await call(`${subresource} ${name}`, body, signal);
      return { apiVersion: "v1", kind: "Status", metadata: {} };
    },
    async patch(_kind, { name }, { body, subresource }, signal) {
      await call(`patch ${subresource} ${name}`, body, signal);
      // Nobody looks at the answer.
      return {} as never;
    },
  };
  const loop = startSchedulingLoop({
    queue,
    cluster,
    client,
    events: { record: ({ metadata }, { reason, message }) => void told.push(`${metadata.name} ${reason}: ${message}`) },
    findWaiting: ({ metadata }) => waiting.get(metadata.name ?? ""),
    now: () => new Date("2025-01-01T00:00:00Z"),
    onError: (_pod, error) => void errors.push(error),
  });
  return {
    queue,
    cluster,
    loop,
    waiting,
    told,
    errors,
    add(pod: Pod) {
      waiting.set(pod.metadata.name ?? "", pod);
      queue.add(pod);
      loop.wake();
    },
    pass(ms: number) {
      nowMs += ms;
      loop.wake();
    },
    /** The next write. */
    async next() {
      while (calls.length === 0) {
        await called.promise;
        called = Promise.withResolvers();
      }
      const [first] = calls.splice(0, 1);
      assert.ok(first !== undefined);
      return first;
    },
    open: () => calls.length,
    [Symbol.asyncDispose]: () => loop[Symbol.asyncDispose](),
  };
}

/** Until what was answered has been taken in. */
const settled = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

test("startSchedulingLoop binds a pod and tells of it", async () => {
  await using fixture = createFixture();
  const { cluster, add, next, told } = fixture;
  cluster.setNode(testNode("a"));
  add(testPod("web"));
  const { what, body, answer } = await next();
  assert.equal(what, "binding web");
  assert.deepEqual(body, {
    apiVersion: "v1",
    kind: "Binding",
    metadata: { namespace: "default", name: "web", uid: "uid-web" },
    target: { apiVersion: "v1", kind: "Node", name: "a" },
  });
  assert.deepEqual(told, []);
  answer.resolve();
  await settled();
  assert.deepEqual(told, ["web Scheduled: Successfully assigned default/web to a"]);
  assert.equal(cluster.isAssumed("default/web"), true);
});

test("startSchedulingLoop tells why there is no node, once in the condition", async () => {
  await using fixture = createFixture();
  const { cluster, queue, add, next, told } = fixture;
  cluster.setNode(testNode("a", { unschedulable: true }));
  add(testPod("web"));
  const { what, body, answer } = await next();
  assert.equal(what, "patch status web");
  const message = "0/1 nodes are available: 1 node(s) were unschedulable.";
  const condition = {
    type: "PodScheduled",
    status: "False",
    reason: "Unschedulable",
    message,
    lastTransitionTime: "2025-01-01T00:00:00Z",
  };
  assert.deepEqual(body, { metadata: { uid: "uid-web" }, status: { conditions: [condition] } });
  answer.resolve();
  assert.deepEqual(told, [`web FailedScheduling: ${message}`]);
  queue.replace(testPod("web", { status: { conditions: [{ ...condition, status: "False" }] } }));
  queue.notify("NodeTaints");
  fixture.pass(1000);
  await settled();
  assert.equal(fixture.open(), 0);
  assert.equal(told.length, 2);
});

test("startSchedulingLoop gives the room of a failed binding back, and tries again after the pause", async () => {
  await using fixture = createFixture();
  const { cluster, add, next, told, queue } = fixture;
  cluster.setNode(testNode("a", { allocatable: { pods: "1" } }));
  add(testPod("web"));
  const first = await next();
  add(testPod("db"));
  const second = await next();
  assert.equal(second.what, "patch status db");
  second.answer.resolve();
  first.answer.reject(conflictError({ group: "", plural: "pods/binding" }, "web", "no"));
  const third = await next();
  assert.equal(third.what, "patch status web");
  third.answer.resolve();
  assert.match(told[1] ?? "", /^web FailedScheduling: Operation cannot be fulfilled on pods\/binding "web": no$/);
  assert.equal(cluster.findNode("a")?.podCount, 0);
  assert.deepEqual(queue.counts, { active: 0, pausing: 2, parked: 0 });
  fixture.pass(1000);
  assert.equal((await next()).what, "binding db");
});

test("startSchedulingLoop forgets a pod whose binding failed as it needs no node any more", async () => {
  await using fixture = createFixture();
  const { cluster, add, next, told, queue, waiting } = fixture;
  cluster.setNode(testNode("a"));
  add(testPod("web"));
  const { answer } = await next();
  waiting.clear();
  answer.reject(notFoundError(podKind, "web"));
  await settled();
  assert.deepEqual(told, []);
  assert.deepEqual(fixture.errors, []);
  assert.deepEqual(queue.counts, { active: 0, pausing: 0, parked: 0 });
  assert.equal(cluster.findNode("a")?.podCount, 0);
});

test("startSchedulingLoop goes on when a pod cannot be read", async () => {
  await using fixture = createFixture();
  const { cluster, add, next, told } = fixture;
  cluster.setNode(testNode("a"));
  add(testPod("broken", { requests: { cpu: "much" } }));
  add(testPod("web"));
  const writes = [await next(), await next()];
  assert.deepEqual(
    writes.map(({ what }) => what),
    ["patch status broken", "binding web"],
  );
  assert.match(told[0] ?? "", /^broken FailedScheduling: quantities must match/);
});

test("startSchedulingLoop hands over writes that fail, but none about pods that have gone", async () => {
  await using fixture = createFixture();
  const { add, next, errors } = fixture;
  add(testPod("web"));
  add(testPod("db"));
  (await next()).answer.reject(notFoundError(podKind, "web"));
  const failure = new Error("cannot write");
  (await next()).answer.reject(failure);
  await settled();
  assert.deepEqual(errors, [failure]);
});

test("startSchedulingLoop has no more than 64 writes under way", async () => {
  await using fixture = createFixture();
  const { cluster, add, next } = fixture;
  cluster.setNode(testNode("a", { allocatable: { pods: "1000" } }));
  for (let number = 0; number < 100; number++) add(testPod(`web-${number}`));
  const first = await next();
  await settled();
  assert.equal(fixture.open(), 63);
  first.answer.resolve();
  await settled();
  assert.equal(fixture.open(), 64);
});
