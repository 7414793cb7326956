import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "#api/kind.ts";
import { configMap } from "#api/kinds/config-map.ts";
import { deployment } from "#api/kinds/deployment.ts";
import type { Namespace } from "#api/kinds/namespace.ts";
import { pod } from "#api/kinds/pod/pod.ts";
import { needsDeletion, planContentDeletion, planWaitingStatus, withoutFinalizer } from "./plan-namespace-deletion.ts";

const DELETED = "2025-01-01T00:00:00Z";

function namespaceWith(metadata: Namespace["metadata"], finalizers: readonly string[] = ["kubernetes"]): Namespace {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop", ...metadata }, spec: { finalizers } };
}

function object(name: string, metadata: KubeObject["metadata"] = {}): KubeObject {
  return { apiVersion: "v1", kind: "Any", metadata: { name, ...metadata } };
}

for (const { metadata, finalizers, expected } of [
  { metadata: {}, finalizers: ["kubernetes"], expected: false },
  { metadata: { deletionTimestamp: DELETED }, finalizers: ["kubernetes"], expected: true },
  { metadata: { deletionTimestamp: DELETED }, finalizers: ["example.com/other"], expected: false },
]) {
  test(`needsDeletion of ${JSON.stringify(metadata)} with ${finalizers.join()} is ${expected}`, () => {
    assert.equal(needsDeletion(namespaceWith(metadata, finalizers)), expected);
  });
}

test("withoutFinalizer keeps the finalizers of others", () => {
  const { spec } = withoutFinalizer(namespaceWith({}, ["example.com/other", "kubernetes"]));
  assert.deepEqual(spec?.finalizers, ["example.com/other"]);
});

const ending = object("ending", { deletionTimestamp: DELETED });
for (const { title, pods, maps, deleted } of [
  { title: "all when there are no pods", pods: [], maps: [object("a"), object("b")], deleted: ["a", "b"] },
  { title: "pods first", pods: [object("p")], maps: [object("a")], deleted: ["p"] },
  { title: "nothing while pods are ending", pods: [ending], maps: [object("a")], deleted: [] },
  { title: "nothing twice", pods: [], maps: [ending, object("a")], deleted: ["a"] },
]) {
  test(`planContentDeletion deletes ${title}`, () => {
    const plan = planContentDeletion([
      { kind: configMap, objects: maps },
      { kind: pod, objects: pods },
    ]);
    assert.deepEqual(
      plan.map(({ object: { metadata } }) => metadata.name),
      deleted,
    );
  });
}

test("planWaitingStatus says what is left, once, and since when", () => {
  const namespace = namespaceWith({ deletionTimestamp: DELETED });
  const contents = [
    { kind: deployment, objects: [object("web", { finalizers: ["example.com/a", "foregroundDeletion"] })] },
    { kind: configMap, objects: [object("a", { finalizers: ["example.com/a"] }), object("b")] },
  ];
  const next = planWaitingStatus(namespace, { contents, errors: ["Error: no"], now: DELETED });
  const texts = next?.status?.conditions?.map(
    ({ type, status, reason, message }) => `${type} ${status} ${reason}: ${message}`,
  );
  assert.deepEqual(texts, [
    "NamespaceDeletionDiscoveryFailure False ResourcesDiscovered: All resources successfully discovered",
    "NamespaceDeletionGroupVersionParsingFailure False ParsedGroupVersions: All legacy kube types successfully parsed",
    "NamespaceDeletionContentFailure True ContentDeletionFailed: Failed to delete all resource types, 1 remaining: Error: no",
    "NamespaceContentRemaining True SomeResourcesRemain: Some resources are remaining: configmaps. has 2 resource instances, deployments.apps has 1 resource instances",
    "NamespaceFinalizersRemaining True SomeFinalizersRemain: Some content in the namespace has finalizers remaining: example.com/a in 2 resource instances, foregroundDeletion in 1 resource instances",
  ]);
  assert.ok(next !== undefined);
  const later = "2025-01-01T01:00:00Z";
  assert.equal(planWaitingStatus(next, { contents, errors: ["Error: no"], now: later }), undefined);
  const fewer = planWaitingStatus(next, { contents: contents.slice(1), errors: [], now: later });
  const times = new Map(fewer?.status?.conditions?.map(({ type, lastTransitionTime }) => [type, lastTransitionTime]));
  assert.equal(times.get("NamespaceContentRemaining"), DELETED);
  assert.equal(times.get("NamespaceDeletionContentFailure"), later);
});
