import assert from "node:assert/strict";
import { test } from "node:test";
import { serviceUnavailableError } from "#api/api-error.ts";
import { configMap } from "#api/kinds/config-map.ts";
import { event } from "#api/kinds/event.ts";
import { pod } from "#api/kinds/pod/pod.ts";
import { createMemoryClient } from "#api-client/testing/memory-client.ts";
import type { Log } from "#base/log.ts";
import { createControllerContext } from "./create-controller-context.ts";

const DEADLINE = { timeout: 20_000 };
const silent: Log = { info: () => undefined, error: () => undefined };
const owner = { apiVersion: "apps/v1", kind: "ReplicaSet", name: "web" };

test("ControllerContext shares informers, which find by owners and nodes", DEADLINE, async () => {
  const client = createMemoryClient();
  client.put(pod, {
    metadata: {
      name: "a",
      namespace: "default",
      ownerReferences: [
        { ...owner, uid: "u1", controller: true },
        { ...owner, uid: "u2" },
      ],
    },
    spec: { containers: [{ name: "a", image: "a" }], nodeName: "n1" },
  });
  await using shared = createControllerContext({ client, log: silent });
  const pods = shared.of("one").informer(pod);
  assert.equal(shared.of("two").informer(pod), pods);
  await pods.synced;
  const found = (index: string, value: string) => pods.byIndex(index, value).length;
  assert.deepEqual([found("owner", "u1"), found("owner", "u2"), found("owner", "u3")], [1, 0, 0]);
  assert.deepEqual([found("ownerUid", "u1"), found("ownerUid", "u2")], [1, 1]);
  assert.deepEqual([found("node", "n1"), found("node", "")], [1, 0]);
  assert.throws(() => shared.of("one").informer(configMap).byIndex("node", "n1"), RangeError);
});

test("ControllerContext's events come from the component", DEADLINE, async () => {
  const client = createMemoryClient();
  {
    await using shared = createControllerContext({ client, log: silent });
    const about = client.put(configMap, { metadata: { name: "a", namespace: "default" } });
    for (const component of ["one", "two"]) {
      shared.of(component).events.record(about, { type: "Normal", reason: "Seen", message: "seen" });
    }
  }
  assert.deepEqual(
    client
      .all(event)
      .map(({ source }) => source?.component)
      .toSorted(),
    ["one", "two"],
  );
});

test(
  "ControllerContext's signal ends informers that have not synced, and those that come later",
  DEADLINE,
  async () => {
    const client = createMemoryClient();
    client.fail = () => serviceUnavailableError("away");
    const over = new AbortController();
    await using shared = createControllerContext({ client, log: silent, signal: over.signal });
    const waiting = assert.rejects(shared.of("one").informer(pod).synced, /was closed/);
    over.abort();
    await waiting;
    await assert.rejects(shared.of("one").informer(configMap).synced, /was closed/);
  },
);
