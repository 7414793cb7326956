import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#base/json.ts";
import { describeFieldError } from "../../field-error.ts";
import { applyMergePatch } from "../../patch/merge-patch.ts";
import { decodeObject } from "../../schema/decode.ts";
import { applyDefaults } from "../../schema/defaults.ts";
import { validateObject, validateObjectUpdate } from "../../schema/validate.ts";
import { CLEANUP_FINALIZER, customResourceDefinition as kind } from "./custom-resource-definition.ts";

const schema: JsonObject = {
  type: "object",
  properties: { spec: { type: "object", properties: { a: { type: "string" } } } },
};
const version: JsonObject = { name: "v1", served: true, storage: true, schema: { openAPIV3Schema: schema } };
const manifest: JsonObject = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "pools.example.com" },
  spec: { group: "example.com", scope: "Cluster", names: { plural: "pools", kind: "Pool" }, versions: [version] },
};

/** As it is when it is created. */
function create(patch: JsonObject = {}) {
  const patched = applyMergePatch(manifest, patch) as JsonObject;
  const { object, strictErrors } = decodeObject(kind, patched);
  assert.deepEqual(strictErrors, []);
  const complete = applyDefaults(kind, object);
  return kind.prepareForCreate?.(complete) ?? complete;
}

function withVersion(changes: JsonObject): JsonObject {
  return { spec: { versions: [applyMergePatch(version, changes)] } };
}

test("customResourceDefinition completes names, conversion and stored versions", () => {
  const { spec, status } = create();
  assert.deepEqual(spec.names, { plural: "pools", singular: "pool", kind: "Pool", listKind: "PoolList" });
  assert.deepEqual(spec.conversion, { strategy: "None" });
  assert.deepEqual(status, { storedVersions: ["v1"] });
  assert.deepEqual(validateObject(kind, create()), []);
});

test("customResourceDefinition knows the members of JSON schemas", () => {
  const bad = withVersion({ schema: { openAPIV3Schema: { properties: { spec: { items: { bogus: 1 } } } } } });
  assert.deepEqual(decodeObject(kind, applyMergePatch(manifest, bad)).strictErrors, [
    'unknown field "spec.versions[0].schema.openAPIV3Schema.properties.spec.items.bogus"',
  ]);
});

const ROOT = "spec.versions[0].schema.openAPIV3Schema";
const refused: readonly (readonly [patch: JsonObject, ...problems: readonly string[]])[] = [
  [{ metadata: { name: "pools" } }, 'metadata.name: Invalid value: "pools": must be spec.names.plural+"."+spec.group'],
  [
    { metadata: { name: "pools.x" }, spec: { group: "x" } },
    'spec.group: Invalid value: "x": should be a domain with at least one dot',
  ],
  [{ spec: { scope: "Galaxy" } }, 'spec.scope: Unsupported value: "Galaxy": supported values: "Cluster", "Namespaced"'],
  [
    { spec: { names: { listKind: "Pool" } } },
    'spec.names.listKind: Invalid value: "Pool": kind and listKind may not be the same',
  ],
  [
    { spec: { names: { shortNames: ["a_b"] } } },
    "spec.names.shortNames[0]: Invalid value: \"a_b\": a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
  ],
  [
    { spec: { versions: [version, { ...version, name: "v2" }] } },
    'spec.versions: Invalid value: ["v1","v2"]: must have exactly one version marked as storage version',
  ],
  [
    { spec: { versions: [version, { ...version, storage: false }] } },
    'spec.versions: Invalid value: ["v1","v1"]: must contain unique version names',
  ],
  [withVersion({ schema: null }), `${ROOT}: Required value`],
  [
    withVersion({ schema: { openAPIV3Schema: { type: null } } }),
    `${ROOT}.type: Required value: must not be empty at the root`,
  ],
  [
    withVersion({ deprecationWarning: "x" }),
    'spec.versions[0].deprecationWarning: Invalid value: "x": can only be set for deprecated versions',
  ],
  [
    withVersion({ additionalPrinterColumns: [{ name: "A", type: "text", jsonPath: "spec" }] }),
    'spec.versions[0].additionalPrinterColumns[0].type: Invalid value: "text": must be one of boolean,date,integer,number,string',
    'spec.versions[0].additionalPrinterColumns[0].JSONPath: Invalid value: "spec": must be a simple json path starting with .',
  ],
  [
    withVersion({ subresources: { scale: { specReplicasPath: ".status.x", statusReplicasPath: ".status.y" } } }),
    'spec.versions[0].subresources.scale.specReplicasPath: Invalid value: ".status.x": should be a json path under .spec',
  ],
  [
    withVersion({ selectableFields: [{ jsonPath: ".spec" }] }),
    'spec.versions[0].selectableFields[0].jsonPath: Invalid value: ".spec": must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.',
  ],
  [
    { spec: { conversion: { strategy: "Webhook" } } },
    "spec.conversion.strategy: Forbidden: conversion webhooks are not called by this API server; use None, which serves every version with the same fields",
  ],
  [
    { spec: { preserveUnknownFields: true } },
    "spec.preserveUnknownFields: Invalid value: true: cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead",
  ],
  [
    { metadata: { name: "pools.x.k8s.io" }, spec: { group: "x.k8s.io" } },
    'metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111',
  ],
];
for (const [patch, ...problems] of refused) {
  test(`customResourceDefinition refuses: ${problems[0]}`, () => {
    assert.deepEqual(validateObject(kind, create(patch)).map(describeFieldError), problems);
  });
}

test("customResourceDefinition allows only some members at the root with status", () => {
  const patch = withVersion({ subresources: { status: {} }, schema: { openAPIV3Schema: { anyOf: [{}] } } });
  const [error, ...others] = validateObject(kind, create(patch));
  assert.match(
    error?.message ?? "",
    /only \[Description Type .* XValidations\] fields are allowed at the root of the schema if the status/,
  );
  assert.deepEqual(others, []);
});

for (const annotation of ["https://github.com/kubernetes/kubernetes/pull/1", "unapproved, a test"]) {
  test(`customResourceDefinition takes the approval ${annotation}`, () => {
    const metadata = { name: "pools.x.k8s.io", annotations: { "api-approved.kubernetes.io": annotation } };
    assert.deepEqual(validateObject(kind, create({ metadata, spec: { group: "x.k8s.io" } })), []);
  });
}

test("customResourceDefinition keeps what names its resource", () => {
  const old = create();
  const established = {
    ...old,
    status: { ...old.status, conditions: [{ type: "Established", status: "True" as const }] },
  };
  const next = create({ spec: { scope: "Namespaced", names: { kind: "Other" } } });
  const problems = (before: typeof old) => validateObjectUpdate(kind, next, before, "").map(describeFieldError);
  assert.deepEqual(problems(old), []);
  assert.deepEqual(problems(established), [
    'spec.scope: Invalid value: "Namespaced": field is immutable',
    'spec.names.kind: Invalid value: "Other": field is immutable',
  ]);
});

test("customResourceDefinition remembers every version that was stored", () => {
  const old = create();
  const [first] = old.spec.versions;
  assert.ok(first !== undefined);
  const versions = [
    { ...first, storage: false },
    { ...first, name: "v2" },
  ];
  const next = { ...old, spec: { ...old.spec, versions } };
  const updated = kind.prepareForUpdate?.(next, old) ?? next;
  assert.deepEqual(updated.status?.storedVersions, ["v1", "v2"]);
  assert.deepEqual(validateObject(kind, updated), []);
  const without = { ...updated, spec: { ...updated.spec, versions: versions.slice(1) } };
  assert.match(
    validateObject(kind, without)[0]?.message ?? "",
    /missing from spec.versions; v1 was previously a storage version/,
  );
});

test("customResourceDefinition waits for its objects when it is deleted", () => {
  const now = new Date("2025-01-01T00:00:00Z");
  const deleted = kind.prepareForDelete?.(create(), now);
  assert.deepEqual(deleted?.metadata.finalizers, [CLEANUP_FINALIZER]);
  assert.deepEqual(
    deleted?.status?.conditions?.map(({ type, status, reason }) => [type, status, reason]),
    [["Terminating", "True", "InstanceDeletionPending"]],
  );
  assert.ok(deleted !== undefined);
  assert.equal(kind.prepareForDelete?.(deleted, now), deleted);
});

test("customResourceDefinition warns of what it does not check, once", () => {
  const rules = { "x-kubernetes-validations": [{ rule: "true" }] };
  const patch = withVersion({
    schema: { openAPIV3Schema: { ...rules, properties: { a: { type: "string", format: "odd" } } } },
  });
  const next = create(patch);
  const warnings = [
    'unrecognized format "odd"',
    "version v1: 1 x-kubernetes-validations rule is kept, but not evaluated by this API server",
  ];
  assert.deepEqual(kind.warnings?.(next, undefined), warnings);
  assert.deepEqual(kind.warnings?.(next, create()), warnings);
  assert.deepEqual(kind.warnings?.(next, next), []);
});
