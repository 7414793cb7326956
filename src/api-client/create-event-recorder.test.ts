import assert from "node:assert/strict";
import { test } from "node:test";
import { serviceUnavailableError } from "#api/api-error.ts";
import { event as eventKind } from "#api/kinds/event.ts";
import { namespace } from "#api/kinds/namespace.ts";
import { node } from "#api/kinds/node.ts";
import { validateObject } from "#api/schema/validate.ts";
import { createEventRecorder } from "./create-event-recorder.ts";
import type { RecordedEvent } from "./event-recorder.ts";
import { createMemoryClient, type MemoryClient } from "./testing/memory-client.ts";

const scaled: RecordedEvent = { type: "Normal", reason: "ScalingReplicaSet", message: "Scaled up" };

function recorderOf(client: MemoryClient, errors: unknown[] = [], now = () => new Date("2025-01-01T00:00:00Z")) {
  return createEventRecorder({ client, component: "test-controller", onError: (error) => errors.push(error), now });
}

test("EventRecorder writes a valid event about a namespaced object", async () => {
  const client = createMemoryClient();
  const about = client.put(namespace, { metadata: { name: "web", namespace: "shop", uid: "u1" } });
  {
    await using recorder = recorderOf(client);
    recorder.record(about, scaled);
  }
  const [event, ...others] = client.all(eventKind);
  assert.ok(event !== undefined && others.length === 0);
  assert.deepEqual(validateObject(eventKind, event), []);
  assert.match(event.metadata.name ?? "", /^web\.[0-9a-f]+$/);
  assert.equal(event.metadata.namespace, "shop");
  assert.equal(event.involvedObject.uid, "u1");
  assert.equal(event.count, 1);
  assert.equal(event.firstTimestamp, "2025-01-01T00:00:00Z");
  assert.deepEqual(event.source, { component: "test-controller" });
  assert.equal(event.reportingComponent, "test-controller");
});

test("EventRecorder writes events about objects of the cluster into default, also when their names are no names of events", async () => {
  const client = createMemoryClient();
  const about = client.put(node, { metadata: { name: "system:node", uid: "u2" } });
  {
    await using recorder = recorderOf(client);
    recorder.record(about, scaled);
  }
  const [event] = client.all(eventKind);
  assert.ok(event !== undefined);
  assert.equal(event.metadata.namespace, "default");
  assert.equal(event.involvedObject.namespace, undefined);
  assert.match(event.metadata.name ?? "", /^u2\.[0-9a-f]+$/);
  assert.deepEqual(validateObject(eventKind, event), []);
});

test("EventRecorder counts what repeats, in a burst and later", async () => {
  const client = createMemoryClient();
  const about = client.put(node, { metadata: { name: "n1" } });
  let time = Date.parse("2025-01-01T00:00:00Z");
  await using recorder = recorderOf(client, [], () => new Date(time));
  recorder.record(about, scaled);
  recorder.record(about, scaled);
  await written(client, 2);
  time += 60_000;
  recorder.record(about, scaled);
  await written(client, 3);
  const [event, ...others] = client.all(eventKind);
  assert.equal(others.length, 0);
  assert.equal(event?.count, 3);
  assert.equal(event?.firstTimestamp, "2025-01-01T00:00:00Z");
  assert.equal(event?.lastTimestamp, "2025-01-01T00:01:00Z");
  assert.deepEqual(
    client.requests.filter((request) => !request.startsWith("watch")).map((text) => text.split(" ")[0]),
    ["create", "patch"],
  );
});

test("EventRecorder takes another name when its name is taken", async () => {
  const client = createMemoryClient();
  const about = client.put(node, { metadata: { name: "n1" } });
  const options = { client, onError: assert.fail, now: () => new Date("2025-01-01T00:00:00Z"), random: () => 0 };
  await using one = createEventRecorder({ ...options, component: "one" });
  await using two = createEventRecorder({ ...options, component: "two" });
  one.record(about, scaled);
  two.record(about, scaled);
  await written(client, 2);
  assert.equal(client.all(eventKind).length, 2);
});

test("EventRecorder makes a new event when the server has forgotten the old one", async () => {
  const client = createMemoryClient();
  const about = client.put(node, { metadata: { name: "n1" } });
  await using recorder = recorderOf(client);
  recorder.record(about, scaled);
  await written(client, 1);
  const name = client.all(eventKind)[0]?.metadata.name ?? "";
  client.remove(eventKind, { namespace: "default", name });
  recorder.record(about, scaled);
  await written(client, 2);
  assert.notEqual(client.all(eventKind)[0]?.metadata.name, name);
});

test("EventRecorder combines many messages about the same", async () => {
  const client = createMemoryClient();
  const about = client.put(node, { metadata: { name: "n1" } });
  {
    await using recorder = recorderOf(client);
    for (let index = 0; index < 100; index++) recorder.record(about, { ...scaled, message: `message ${index}` });
  }
  const events = client.all(eventKind);
  assert.equal(events.length, 11);
  const combined = events.find(({ message }) => message?.startsWith("(combined from similar events): "));
  assert.equal(combined?.count, 90);
  assert.equal(combined?.message, "(combined from similar events): message 99");
});

test("EventRecorder never throws, drops what does not fit, and tries again when the server is away", async () => {
  const client = createMemoryClient();
  const errors: unknown[] = [];
  let failures = 1;
  client.fail = ({ verb }) => (verb === "create" && failures-- > 0 ? serviceUnavailableError("away") : undefined);
  {
    await using recorder = recorderOf(client, errors);
    for (let index = 0; index < 1500; index++) {
      recorder.record({ apiVersion: "v1", kind: "Node", metadata: { name: `n${index}` } }, scaled);
    }
    assert.equal(errors.length, 500);
    await written(client, 1000);
  }
  assert.equal(client.all(eventKind).length, 1000);
  assert.equal(errors.length, 500);
});

test("EventRecorder's disposal does not wait for a server that is away", { timeout: 10_000 }, async () => {
  const client = createMemoryClient();
  const errors: unknown[] = [];
  client.fail = () => serviceUnavailableError("away");
  const recorder = recorderOf(client, errors);
  recorder.record({ apiVersion: "v1", kind: "Node", metadata: { name: "n1" } }, scaled);
  await recorder[Symbol.asyncDispose]();
  assert.equal(errors.length, 1);
  recorder.record({ apiVersion: "v1", kind: "Node", metadata: { name: "n1" } }, scaled);
  assert.equal(errors.length, 1);
});

/** Until the counts of all events are so many together. */
async function written(client: MemoryClient, total: number): Promise<void> {
  for await (const _ of client.watch(eventKind, {}, AbortSignal.timeout(10_000))) {
    if (client.all(eventKind).reduce((sum, { count = 0 }) => sum + count, 0) === total) return;
  }
}
