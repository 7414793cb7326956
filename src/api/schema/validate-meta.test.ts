import assert from "node:assert/strict";
import { test } from "node:test";
import { describeFieldError } from "../field-error.ts";
import type { ObjectMeta } from "../meta/object-meta.ts";
import { checkDnsLabel } from "../names.ts";
import {
  ANNOTATIONS_MAX_BYTES,
  validateObjectMeta,
  validateObjectMetaUpdate,
  validateTemplateMeta,
} from "./validate-meta.ts";

const namespaced = { isNamespaced: true, verbs: ["get", "create"] } as const;
const place = { name: "a", namespace: "b" };
const owner = { apiVersion: "apps/v1", kind: "ReplicaSet", name: "web", uid: "1" };

const SUBDOMAIN =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

const valid: readonly ObjectMeta[] = [
  place,
  { ...place, generateName: "web-" },
  { ...place, generateName: "a-" },
  { ...place, labels: { app: "", "example.com/x": "Y" }, annotations: { "Example.COM/x": "{}" } },
  {
    ...place,
    ownerReferences: [
      { ...owner, controller: true },
      { ...owner, uid: "2" },
    ],
  },
  { ...place, finalizers: ["kubernetes", "orphan", "example.com/protect"] },
  { ...place, annotations: { a: "x".repeat(ANNOTATIONS_MAX_BYTES - 1) } },
];

for (const meta of valid) {
  test(`validateObjectMeta accepts ${JSON.stringify(meta).slice(0, 100)}`, () =>
    assert.deepEqual(validateObjectMeta(namespaced, meta), []));
}

const invalid: readonly (readonly [meta: ObjectMeta, errors: readonly string[]])[] = [
  [{ namespace: "b" }, ["metadata.name: Required value: name or generateName is required"]],
  [{ ...place, name: "Web_1" }, [`metadata.name: Invalid value: "Web_1": ${SUBDOMAIN}`]],
  [{ ...place, generateName: "Web-" }, [`metadata.generateName: Invalid value: "Web-": ${SUBDOMAIN}`]],
  [{ name: "a" }, ["metadata.namespace: Required value"]],
  [{ ...place, generation: -1 }, ["metadata.generation: Invalid value: -1: must be greater than or equal to 0"]],
  [{ ...place, labels: { "/a": "b" } }, ['metadata.labels: Invalid value: "/a": prefix part must be non-empty']],
  [
    { ...place, annotations: { a: "€".repeat(ANNOTATIONS_MAX_BYTES / 3), b: "cd" } },
    ["metadata.annotations: Too long: may not be more than 262144 bytes"],
  ],
  [
    { ...place, ownerReferences: [{ apiVersion: "", kind: "", name: "", uid: "" }] },
    [
      'metadata.ownerReferences.apiVersion: Invalid value: "": version must not be empty',
      'metadata.ownerReferences.kind: Invalid value: "": must not be empty',
      'metadata.ownerReferences.name: Invalid value: "": must not be empty',
      'metadata.ownerReferences.uid: Invalid value: "": must not be empty',
    ],
  ],
  [
    { ...place, finalizers: ["mine"] },
    [
      'metadata.finalizers[0]: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified',
    ],
  ],
  [
    { ...place, finalizers: ["orphan", "foregroundDeletion"] },
    [
      'metadata.finalizers: Invalid value: ["orphan","foregroundDeletion"]: finalizer orphan and foregroundDeletion cannot be both set',
    ],
  ],
];

for (const [meta, errors] of invalid) {
  test(`validateObjectMeta finds in ${JSON.stringify(meta).slice(0, 100)} what Kubernetes finds`, () =>
    assert.deepEqual(validateObjectMeta(namespaced, meta).map(describeFieldError), errors));
}

test("validateObjectMeta lets only one owner be the controller, and no Event", () => {
  const owners = [
    { ...owner, controller: true },
    { ...owner, name: "db", controller: true },
  ];
  const [error, ...others] = validateObjectMeta(namespaced, { ...place, ownerReferences: owners });
  assert.match(
    error?.message ?? "",
    /Only one reference can have Controller set to true\. Found "true" in references for ReplicaSet\/web and ReplicaSet\/db$/,
  );
  assert.deepEqual(others, []);
  const event = { ...owner, apiVersion: "v1", kind: "Event" };
  const [banned] = validateObjectMeta(namespaced, { ...place, ownerReferences: [event] });
  assert.match(banned?.message ?? "", /\/v1, Kind=Event is disallowed from being an owner$/);
});

test("validateObjectMeta follows the kind: its names, its scope, and whether it is stored", () => {
  const cluster = { ...namespaced, isNamespaced: false };
  assert.deepEqual(validateObjectMeta(cluster, { name: "a" }), []);
  assert.deepEqual(validateObjectMeta(cluster, place).map(describeFieldError), [
    "metadata.namespace: Forbidden: not allowed on this type",
  ]);
  assert.equal(validateObjectMeta({ ...cluster, checkName: checkDnsLabel }, { name: "a.b" }).length, 1);
  assert.deepEqual(validateObjectMeta({ ...namespaced, verbs: ["create"] }, {}), []);
});

test("validateTemplateMeta leaves metadata out of the paths and asks for no name", () => {
  const errors = validateTemplateMeta({ labels: { "/": "a" }, annotations: { "/a": "" } }, "spec.template");
  const fields = errors.map(({ field }) => field);
  assert.deepEqual([...new Set(fields)], ["spec.template.labels", "spec.template.annotations"]);
});

const stored: ObjectMeta = { ...place, uid: "1", creationTimestamp: "2024-01-01T00:00:00Z", generation: 2 };
const deleted: ObjectMeta = { ...stored, deletionTimestamp: "2024-01-02T00:00:00Z", finalizers: ["example.com/a"] };

const updates: readonly (readonly [old: ObjectMeta, next: ObjectMeta, errors: readonly string[]])[] = [
  [stored, stored, []],
  [stored, place, []],
  [stored, { ...stored, name: "b" }, ['metadata.name: Invalid value: "b": field is immutable']],
  [stored, { ...stored, namespace: "c" }, ['metadata.namespace: Invalid value: "c": field is immutable']],
  [stored, { ...stored, uid: "2" }, ['metadata.uid: Invalid value: "2": field is immutable']],
  [
    stored,
    { ...stored, creationTimestamp: "2024-01-02T00:00:00Z" },
    ['metadata.creationTimestamp: Invalid value: "2024-01-02T00:00:00Z": field is immutable'],
  ],
  [
    stored,
    { ...stored, deletionTimestamp: "2024-01-02T00:00:00Z" },
    ['metadata.deletionTimestamp: Invalid value: "2024-01-02T00:00:00Z": field is immutable'],
  ],
  [deleted, { ...deleted, deletionTimestamp: "2030-01-01T00:00:00Z" }, []],
  [stored, { ...stored, generation: 1 }, ["metadata.generation: Invalid value: 1: must not be decremented"]],
  [stored, { ...stored, finalizers: ["example.com/a"] }, []],
  [deleted, { ...deleted, finalizers: [] }, []],
  [
    deleted,
    { ...deleted, finalizers: ["example.com/a", "example.com/b"] },
    [
      'metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"example.com/b"}',
    ],
  ],
];

for (const [old, next, errors] of updates) {
  test(`validateObjectMetaUpdate from ${JSON.stringify(old)} to ${JSON.stringify(next)}`, () =>
    assert.deepEqual(validateObjectMetaUpdate(next, old).map(describeFieldError), errors));
}
