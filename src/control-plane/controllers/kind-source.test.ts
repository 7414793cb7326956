import assert from "node:assert/strict";
import { test } from "node:test";
import type { Kind } from "#api/kind.ts";
import { kinds } from "#api/kinds.ts";
import { deletableKinds } from "./kind-source.ts";
import { widget } from "./testing/custom-kind.ts";

test("deletableKinds has each kind of stored objects once", () => {
  const newer: Kind = { ...widget, version: "v2" };
  const names = deletableKinds([...kinds, widget, newer]).map(
    ({ group, version, plural }) => `${plural}.${group}/${version}`,
  );
  assert.equal(new Set(names).size, names.length);
  for (const name of ["pods./v1", "events./v1", "deployments.apps/v1", "widgets.example.com/v1"]) {
    assert.ok(names.includes(name), name);
  }
  for (const name of ["events.events.k8s.io/v1", "widgets.example.com/v2", "tokenreviews.authentication.k8s.io/v1"]) {
    assert.ok(!names.includes(name), name);
  }
});
