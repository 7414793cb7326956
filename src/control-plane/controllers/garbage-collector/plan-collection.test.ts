import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "#api/kind.ts";
import type { OwnerReference } from "#api/meta/object-meta.ts";
import { type OwnerState, planCollection } from "./plan-collection.ts";

function reference(uid: string, blockOwnerDeletion = false): OwnerReference {
  return { apiVersion: "v1", kind: "ConfigMap", name: uid, uid, blockOwnerDeletion };
}

function object(uid: string, metadata: KubeObject["metadata"] = {}): KubeObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { uid, name: uid, ...metadata } };
}

const DELETED = { deletionTimestamp: "2025-01-01T00:00:00Z" };
const foreground = { ...DELETED, finalizers: ["foregroundDeletion"] };

const a = reference("a");
const b = reference("b");
const deletes = (propagationPolicy: string) => ({ type: "delete", propagationPolicy, unblocked: undefined });
const child = object("child", { ownerReferences: [reference("me", true)] });
const circular = object("child", { ownerReferences: [reference("me", true)], ...foreground });

const cases: readonly {
  readonly title: string;
  readonly metadata: KubeObject["metadata"];
  readonly owners?: readonly OwnerState[];
  readonly dependents?: readonly KubeObject[];
  readonly plan: unknown;
}[] = [
  { title: "leaves objects without owners alone", metadata: {}, plan: { type: "none" } },
  {
    title: "leaves objects alone whose owners are there",
    metadata: { ownerReferences: [a, b] },
    owners: ["present", "present"],
    plan: { type: "none" },
  },
  {
    title: "leaves objects alone with owners of unknown kinds",
    metadata: { ownerReferences: [a] },
    owners: ["unknown"],
    plan: { type: "none" },
  },
  {
    title: "deletes what has lost all owners",
    metadata: { ownerReferences: [a, b] },
    owners: ["absent", "absent"],
    plan: deletes("Background"),
  },
  {
    title: "deletes as a finalizer says that is there already",
    metadata: { ownerReferences: [a], finalizers: ["orphan"] },
    owners: ["absent"],
    plan: deletes("Orphan"),
  },
  {
    title: "drops references to owners that are gone while others are there",
    metadata: { ownerReferences: [a, b] },
    owners: ["absent", "present"],
    plan: { type: "keepReferences", references: [b] },
  },
  {
    title: "drops references to owners that wait while others are there",
    metadata: { ownerReferences: [a, b] },
    owners: ["present", "deletingDependents"],
    plan: { type: "keepReferences", references: [a] },
  },
  {
    title: "deletes what an owner waits for",
    metadata: { ownerReferences: [a] },
    owners: ["deletingDependents"],
    plan: deletes("Background"),
  },
  {
    title: "deletes in the foreground what an owner waits for and has dependents itself",
    metadata: { ownerReferences: [a] },
    owners: ["deletingDependents"],
    dependents: [child],
    plan: deletes("Foreground"),
  },
  {
    title: "breaks circles of objects that wait for each other",
    metadata: { ownerReferences: [reference("child", true)] },
    owners: ["deletingDependents"],
    dependents: [circular],
    plan: { type: "delete", propagationPolicy: "Foreground", unblocked: [reference("child", false)] },
  },
  {
    title: "leaves objects alone that are being deleted for other reasons",
    metadata: { ...DELETED, finalizers: ["example.com/hold"], ownerReferences: [a] },
    plan: { type: "none" },
  },
  {
    title: "orphans dependents",
    metadata: { ...DELETED, finalizers: ["orphan"] },
    dependents: [child],
    plan: { type: "orphan", dependents: [child] },
  },
  {
    title: "waits in the foreground for dependents that block",
    metadata: foreground,
    dependents: [child],
    plan: { type: "wait", dependents: [child] },
  },
  {
    title: "waits for dependents that wait themselves",
    metadata: foreground,
    dependents: [circular],
    plan: { type: "wait", dependents: [] },
  },
  {
    title: "does not wait for dependents that do not block",
    metadata: foreground,
    dependents: [object("child", { ownerReferences: [reference("me")] })],
    plan: { type: "finish" },
  },
];

for (const { title, metadata, owners = [], dependents = [], plan } of cases) {
  test(`planCollection ${title}`, () => {
    assert.deepEqual(planCollection({ object: object("me", metadata), owners, dependents }), plan);
  });
}
