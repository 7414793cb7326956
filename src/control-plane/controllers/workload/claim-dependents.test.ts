import assert from "node:assert/strict";
import { test } from "node:test";
import { notFoundError } from "#api/api-error.ts";
import { pod as podKind } from "#api/kinds/pod/pod.ts";
import { replicaSet as replicaSetKind } from "#api/kinds/replica-set.ts";
import { createMemoryClient } from "#api-client/testing/memory-client.ts";
import { applyClaims, planClaims } from "./claim-dependents.ts";
import { isControlledBy } from "./controller-reference.ts";
import { namesOf, type TestPod, testPod, webTemplate } from "./testing/test-objects.ts";
import { draftOf } from "./testing/workload-cluster.ts";

const owner = draftOf(replicaSetKind, "web", { metadata: { uid: "u-web" }, spec: webTemplate() });
const other = draftOf(replicaSetKind, "other", { metadata: { uid: "u-other" }, spec: webTemplate() });
const web = { app: "web" };
const matches = ({ metadata }: { metadata: { labels?: Readonly<Record<string, string>> | undefined } }) =>
  metadata.labels?.["app"] === "web";

const rows: readonly (readonly [
  what: string,
  pod: TestPod,
  becomes: "kept" | "adopted" | "released" | "left alone",
])[] = [
  ["its own", { name: "a", owner, labels: web }, "kept"],
  ["its own that is on its way out", { name: "a", owner, labels: web, isTerminating: true }, "kept"],
  ["its own with other labels", { name: "a", owner, labels: { app: "debug" } }, "released"],
  ["an orphan", { name: "a", labels: web }, "adopted"],
  ["an orphan with other labels", { name: "a", labels: { app: "db" } }, "left alone"],
  ["an orphan that is on its way out", { name: "a", labels: web, isTerminating: true }, "left alone"],
  ["another owner's", { name: "a", owner: other, labels: web }, "left alone"],
];

for (const [what, given, becomes] of rows) {
  test(`planClaims: ${what} is ${becomes}`, () => {
    const plan = planClaims(owner, [testPod(given)], matches);
    const groups = { kept: plan.kept.length, adopted: plan.adopted.length, released: plan.released.length };
    const expected = { kept: 0, adopted: 0, released: 0 };
    assert.deepEqual(groups, becomes === "left alone" ? expected : { ...expected, [becomes]: 1 });
  });
}

test("planClaims does not adopt across namespaces, nor for an owner that goes", () => {
  const orphan = testPod({ name: "a", labels: web });
  const elsewhere = { ...orphan, metadata: { ...orphan.metadata, namespace: "other" } };
  const going = { ...owner, metadata: { ...owner.metadata, deletionTimestamp: "2025-01-01T00:00:00Z" } };
  assert.deepEqual(planClaims(owner, [elsewhere], matches).adopted, []);
  assert.deepEqual(planClaims(going, [orphan], matches).adopted, []);
});

const signal = new AbortController().signal;

function setUp() {
  const client = createMemoryClient();
  const stored = client.put(replicaSetKind, owner);
  const orphan = client.put(podKind, testPod({ name: "orphan", labels: web }));
  const loose = client.put(podKind, testPod({ name: "loose", labels: {}, owner: stored }));
  const claiming = { client, ownerKind: replicaSetKind, owner: stored, kind: podKind };
  return { client, claiming, stored, orphan, loose, plan: planClaims(stored, [orphan, loose], matches) };
}

test("applyClaims adopts and releases, and gives what belongs to the owner then", async () => {
  const { client, claiming, stored, plan } = setUp();
  const mine = await applyClaims(claiming, plan, signal);
  assert.deepEqual(namesOf(mine), ["orphan"]);
  assert.deepEqual(namesOf(client.all(podKind).filter((pod) => isControlledBy(pod, stored))), ["orphan"]);
});

test("applyClaims rejects when an orphan has changed meanwhile", async () => {
  const { client, claiming, orphan, plan } = setUp();
  client.put(podKind, { ...orphan, metadata: { ...orphan.metadata, labels: { app: "db" } } });
  await assert.rejects(applyClaims(claiming, plan, signal), { reason: "Conflict" });
});

test("applyClaims adopts nothing for an owner that is gone at the server, and passes over pods that are", async () => {
  const { client, claiming, plan } = setUp();
  client.fail = ({ verb, kind, name = "" }) => (verb === "update" ? notFoundError(kind, name) : undefined);
  assert.deepEqual(await applyClaims(claiming, plan, signal), []);
  client.fail = undefined;
  client.remove(replicaSetKind, { namespace: "default", name: "web" });
  assert.deepEqual(await applyClaims(claiming, plan, signal), []);
  assert.ok(client.all(podKind).every((pod) => pod.metadata.name !== "orphan" || !isControlledBy(pod, owner)));
});
