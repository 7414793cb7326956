import assert from "node:assert/strict";
import { test } from "node:test";
import { eviction } from "./eviction.ts";
import { scale } from "./scale.ts";
import { createObject, problemsOfCreate } from "./testing/create-object.ts";

test("eviction takes the options that kubectl drain sends", () => {
  const deleteOptions = { apiVersion: "v1", kind: "DeleteOptions", gracePeriodSeconds: 0 };
  assert.deepEqual(createObject(eviction, { deleteOptions }).deleteOptions, deleteOptions);
  assert.deepEqual(problemsOfCreate(eviction, { deleteOptions: { gracePeriodSeconds: -1 } }), [
    "deleteOptions.gracePeriodSeconds: Invalid value: -1: must be greater than or equal to 0",
  ]);
});

test("scale takes no negative number", () => {
  assert.deepEqual(createObject(scale, { spec: { replicas: 3 } }).spec, { replicas: 3 });
  assert.deepEqual(problemsOfCreate(scale, { spec: { replicas: -1 } }), [
    "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
  ]);
});
