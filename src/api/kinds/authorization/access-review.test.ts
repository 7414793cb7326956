import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#base/json.ts";
import { describeFieldError } from "../../field-error.ts";
import type { Kind } from "../../kind.ts";
import { decodeObject } from "../../schema/decode.ts";
import { localSubjectAccessReview } from "./local-subject-access-review.ts";
import { selfSubjectAccessReview } from "./self-subject-access-review.ts";
import { subjectAccessReview } from "./subject-access-review.ts";

function problems<O>(kind: Kind<O>, spec: JsonObject, metadata: JsonObject = {}): readonly string[] {
  const { object } = decodeObject(kind, { metadata, spec });
  return (kind.validate?.(object) ?? []).map(describeFieldError);
}

const resourceAttributes = { verb: "get", resource: "pods", namespace: "default" };
const nonResourceAttributes = { verb: "get", path: "/x" };
const both =
  'spec.nonResourceAttributes: Invalid value: {"verb":"get","path":"/x"}: cannot be specified in combination with resourceAttributes';
const neither =
  "spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified";

test("selfSubjectAccessReview asks one thing", () => {
  assert.deepEqual(problems(selfSubjectAccessReview, { resourceAttributes }), []);
  assert.deepEqual(problems(selfSubjectAccessReview, { nonResourceAttributes }), []);
  assert.deepEqual(problems(selfSubjectAccessReview, { resourceAttributes, nonResourceAttributes }), [both]);
  assert.deepEqual(problems(selfSubjectAccessReview, {}), [neither]);
});

test("subjectAccessReview names somebody", () => {
  assert.deepEqual(problems(subjectAccessReview, { resourceAttributes, user: "jane" }), []);
  assert.deepEqual(problems(subjectAccessReview, { resourceAttributes, groups: ["devs"] }), []);
  assert.deepEqual(problems(subjectAccessReview, { resourceAttributes }), [
    'spec.user: Invalid value: "": at least one of user or group must be specified',
  ]);
});

test("reviews have no metadata", () => {
  const spec = { resourceAttributes, user: "jane" };
  assert.deepEqual(problems(subjectAccessReview, spec, { name: "x" }), [
    'metadata: Invalid value: {"name":"x"}: must be empty',
  ]);
  assert.deepEqual(problems(subjectAccessReview, spec, { managedFields: [] }), []);
});

test("localSubjectAccessReview is about its namespace", () => {
  const metadata = { namespace: "default" };
  assert.deepEqual(problems(localSubjectAccessReview, { resourceAttributes, user: "jane" }, metadata), []);
  assert.deepEqual(problems(localSubjectAccessReview, { resourceAttributes, user: "jane" }, { namespace: "other" }), [
    'spec.resourceAttributes.namespace: Invalid value: "default": must match metadata.namespace',
  ]);
  assert.deepEqual(problems(localSubjectAccessReview, { nonResourceAttributes, user: "jane" }, metadata), [
    'spec.nonResourceAttributes: Invalid value: {"verb":"get","path":"/x"}: disallowed on this kind of request',
  ]);
});
