import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject, JsonValue } from "#base/json.ts";
import { isApiError } from "../../api-error.ts";
import type { KubeObject } from "../../kind.ts";
import { deployment } from "../../kinds/deployment.ts";
import { deepFreeze } from "../../schema/freeze.ts";
import { applyJsonPatch } from "../json-patch.ts";
import { type ApplyOptions, serverSideApply } from "./server-side-apply.ts";
import { trackUpdate } from "./track-update.ts";

const NOW = new Date("2024-01-01T00:00:00Z");
const ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration";

function as(fieldManager: string): ApplyOptions {
  return { fieldManager, force: false, now: NOW, subresource: "" };
}

function manifest(image: string, replicas?: number): JsonObject {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", annotations: { team: "a" } },
    spec: {
      ...(replicas !== undefined && { replicas }),
      template: { spec: { containers: [{ name: "web", image }] } },
    },
  };
}

/** As kubectl apply without --server-side leaves it. */
function clientSideApplied(): KubeObject {
  const plain = manifest("nginx:1", 2);
  const annotations = { team: "a", [ANNOTATION]: `${JSON.stringify(plain)}\n` };
  const object: JsonObject = { ...plain, metadata: { name: "web", annotations } };
  return track(undefined, object, "kubectl-client-side-apply");
}

function track(old: KubeObject | undefined, next: JsonValue, fieldManager: string): KubeObject {
  // The test's manifests are valid objects.
  const object = next as unknown as KubeObject;
  return deepFreeze(trackUpdate(deployment, old, object, { fieldManager, now: NOW, subresource: "" }));
}

function annotationOf(object: KubeObject): JsonObject {
  return JSON.parse(object.metadata.annotations?.[ANNOTATION] ?? "{}");
}

test("kubectl apply --server-side changes what client-side apply set, without a conflict", () => {
  const next = serverSideApply(deployment, clientSideApplied(), manifest("nginx:2", 2), as("kubectl"));
  assert.deepEqual(next["spec"], manifest("nginx:2", 2)["spec"]);
  assert.deepEqual(annotationOf(next), manifest("nginx:2", 2));
});

test("the annotation is written as Go writes it", () => {
  const next = serverSideApply(deployment, clientSideApplied(), manifest("nginx:2"), as("kubectl"));
  assert.equal(
    next.metadata.annotations?.[ANNOTATION],
    '{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"annotations":{"team":"a"},"name":"web"},' +
      '"spec":{"template":{"spec":{"containers":[{"image":"nginx:2","name":"web"}]}}}}\n',
  );
});

test("kubectl apply --server-side conflicts with what others changed since", () => {
  const live = clientSideApplied();
  const edited = track(
    live,
    { ...live, spec: manifest("nginx:9", 2)["spec"] } as unknown as JsonObject,
    "kubectl-edit",
  );
  assert.throws(
    () => serverSideApply(deployment, edited, manifest("nginx:2", 3), as("kubectl")),
    (error) =>
      isApiError(error, "Conflict") &&
      error.message ===
        'Apply failed with 1 conflict: conflict with "kubectl-edit" using apps/v1: .spec.template.spec.containers[name="web"].image',
  );
});

test("other appliers conflict with client-side apply and leave its annotation alone", () => {
  const live = clientSideApplied();
  assert.throws(
    () => serverSideApply(deployment, live, manifest("nginx:2", 2), as("flux")),
    (error) => isApiError(error, "Conflict"),
  );
  const next = serverSideApply(deployment, live, manifest("nginx:1", 2), as("flux"));
  assert.equal(next.metadata.annotations?.[ANNOTATION], live.metadata.annotations?.[ANNOTATION]);
});

for (const annotation of ["", "{", "[]", '{"apiVersion":"apps/v2"}', '{"apiVersion":"apps/v1","bogus":1}']) {
  test(`an annotation ${JSON.stringify(annotation)} allows nothing`, () => {
    const live = clientSideApplied();
    const metadata = { ...live.metadata, annotations: { ...live.metadata.annotations, [ANNOTATION]: annotation } };
    assert.throws(
      () => serverSideApply(deployment, { ...live, metadata }, manifest("nginx:2", 2), as("kubectl")),
      (error) => isApiError(error, "Conflict"),
    );
  });
}

test("kubectl's migration of managedFields makes later applies remove fields", () => {
  const live = clientSideApplied();
  const applied = deepFreeze(serverSideApply(deployment, live, manifest("nginx:1", 2), as("kubectl")));
  // It turns the Update entry of client-side apply into its own Apply entry.
  const [entry] = live.metadata.managedFields ?? [];
  const patched = applyJsonPatch(JSON.parse(JSON.stringify(applied)), [
    {
      op: "replace",
      path: "/metadata/managedFields",
      value: [{ ...(entry as unknown as JsonObject), manager: "kubectl", operation: "Apply" }],
    },
  ]);
  const migrated = track(applied, patched, "kubectl");
  assert.deepEqual(
    migrated.metadata.managedFields?.map(({ manager, operation }) => `${manager} ${operation}`),
    ["kubectl Apply"],
  );
  const next = serverSideApply(deployment, migrated, manifest("nginx:2"), as("kubectl"));
  assert.deepEqual(next["spec"], manifest("nginx:2")["spec"]);
});

test("kubectl can own just the annotation by an apply of its own", () => {
  const live = clientSideApplied();
  const text = live.metadata.annotations?.[ANNOTATION] ?? "";
  const patch = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", annotations: { [ANNOTATION]: text } },
  };
  const next = serverSideApply(deployment, live, patch, as("kubectl-last-applied"));
  assert.deepEqual(next.metadata.managedFields?.[0]?.fieldsV1, {
    "f:metadata": { "f:annotations": { [`f:${ANNOTATION}`]: {} } },
  });
});
