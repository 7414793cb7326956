import assert from "node:assert/strict";
import { test } from "node:test";
import { describeFieldError } from "../field-error.ts";
import { type Namespace, namespace } from "./namespace.ts";
import { cellsOf, createObject, problemsOfCreate } from "./testing/create-object.ts";

const metadata = { name: "web", namespace: "" };

test("namespace gets its finalizer, its phase and the label with its name", () => {
  const { spec, status, metadata: stored } = createObject(namespace, { metadata });
  assert.deepEqual(spec, { finalizers: ["kubernetes"] });
  assert.deepEqual(status, { phase: "Active" });
  assert.deepEqual(stored.labels, { "kubernetes.io/metadata.name": "web" });
});

test("namespace keeps further finalizers and labels of its creator, but not a wrong name label", () => {
  const labels = { a: "b", "kubernetes.io/metadata.name": "other" };
  const stored = createObject(namespace, {
    metadata: { ...metadata, labels },
    spec: { finalizers: ["example.com/x"] },
  });
  assert.deepEqual(stored.spec?.finalizers, ["example.com/x", "kubernetes"]);
  assert.deepEqual(stored.metadata.labels, { a: "b", "kubernetes.io/metadata.name": "web" });
});

test("namespace keeps finalizers and status when it is updated", () => {
  const old = createObject(namespace, { metadata });
  const next = namespace.prepareForUpdate?.(
    { ...old, spec: { finalizers: [] }, status: { phase: "Terminating" } },
    old,
  );
  assert.deepEqual([next?.spec, next?.status], [old.spec, old.status]);
});

test("namespace wants a DNS label as name, and finalizers with a domain", () => {
  assert.match(problemsOfCreate(namespace, { metadata: { ...metadata, name: "a.b" } })[0] ?? "", /RFC 1123 label/);
  assert.deepEqual(problemsOfCreate(namespace, { metadata, spec: { finalizers: ["mine", "example.com/ok"] } }), [
    'spec.finalizers: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified',
  ]);
});

test("namespace status follows its deletion", () => {
  const active = createObject(namespace, { metadata });
  const deletionTimestamp = "2024-05-01T11:30:00Z";
  const deleted = { ...active, metadata: { ...active.metadata, deletionTimestamp } };
  const problems = (old: Namespace, phase: "Active" | "Terminating") =>
    (namespace.validateUpdate?.({ ...old, status: { phase } }, old, "status") ?? []).map(describeFieldError);
  assert.deepEqual(problems(active, "Terminating"), [
    "status.Phase: Invalid value: \"Terminating\": may only be 'Active' if `deletionTimestamp` is empty",
  ]);
  assert.deepEqual(problems(deleted, "Active"), [
    "status.Phase: Invalid value: \"Active\": may only be 'Terminating' if `deletionTimestamp` is not empty",
  ]);
  assert.deepEqual([problems(active, "Active"), problems(deleted, "Terminating")], [[], []]);
});

test("namespace columns and field selector", () => {
  const object = createObject(namespace, { metadata });
  assert.deepEqual(cellsOf(namespace, object), { NAME: "web", STATUS: "Active", AGE: "60m" });
  assert.equal(namespace.fieldSelectors["status.phase"]?.(object), "Active");
});
