import assert from "node:assert/strict";
import { test } from "node:test";
import { controllerRevision } from "./controller-revision.ts";
import { cellsOf, createObject, problemsOfCreate, problemsOfUpdate } from "./testing/create-object.ts";

const OWNER = { apiVersion: "apps/v1", kind: "DaemonSet", name: "log", uid: "u2", controller: true };

test("controllerRevision's cells are kubectl's", () => {
  const revision = createObject(controllerRevision, { revision: 3, data: {} });
  const owned = createObject(controllerRevision, {
    metadata: { ownerReferences: [OWNER] },
    revision: 3,
    data: {},
  });
  assert.deepEqual(cellsOf(controllerRevision, revision), {
    NAME: "web",
    CONTROLLER: "<none>",
    REVISION: 3,
    AGE: "60m",
  });
  assert.equal(cellsOf(controllerRevision, owned)["CONTROLLER"], "daemonset.apps/log");
});

test("controllerRevision's data must be there and cannot change", () => {
  assert.deepEqual(problemsOfCreate(controllerRevision, { revision: -1 }), [
    "revision: Invalid value: -1: must be greater than or equal to 0",
    "data: Required value: data is mandatory",
  ]);
  const old = createObject(controllerRevision, { revision: 1, data: { a: 1 } });
  assert.deepEqual(problemsOfUpdate(controllerRevision, old, { revision: 2 }), []);
  assert.deepEqual(problemsOfUpdate(controllerRevision, old, { data: { a: 2 } }), [
    'data: Invalid value: {"a":2}: field is immutable',
  ]);
});
