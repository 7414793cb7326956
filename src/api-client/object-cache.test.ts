import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { KubeObject } from "#api/kind.ts";
import { createObjectCache, keyOf } from "./object-cache.ts";

const objects = fc.record({
  apiVersion: fc.constant("v1"),
  kind: fc.constant("Pod"),
  metadata: fc.record({
    name: fc.constantFrom("a", "b", "c"),
    namespace: fc.constantFrom("x", "y", undefined, ""),
    finalizers: fc.array(fc.constantFrom("one", "two")),
  }),
}) as fc.Arbitrary<KubeObject>;

const finalizersOf = ({ metadata }: KubeObject): readonly string[] => metadata.finalizers ?? [];

test("ObjectCache finds what a list of all objects would, by name, namespace and index", () => {
  const steps = fc.array(fc.tuple(fc.boolean(), objects), { maxLength: 30 });
  const check = fc.property(steps, (all) => {
    const cache = createObjectCache({ finalizer: finalizersOf });
    const model = new Map<string, KubeObject>();
    for (const [isSet, object] of all) {
      const before = model.get(keyOf(object));
      assert.equal(isSet ? cache.set(object) : cache.delete(object), before);
      if (isSet) model.set(keyOf(object), object);
      else model.delete(keyOf(object));
    }
    const there = [...model.values()];
    assert.deepEqual(new Set(cache.list()), new Set(there));
    for (const namespace of ["x", "y", ""]) {
      const inside = there.filter(({ metadata }) => (metadata.namespace ?? "") === namespace);
      assert.deepEqual(new Set(cache.list(namespace)), new Set(inside));
      for (const name of ["a", "b", "c"]) {
        assert.equal(
          cache.get(namespace, name),
          inside.find(({ metadata }) => metadata.name === name),
        );
      }
    }
    for (const value of ["one", "two", "three"]) {
      const marked = there.filter((object) => finalizersOf(object).includes(value));
      assert.deepEqual(new Set(cache.byIndex("finalizer", value)), new Set(marked));
    }
  });
  fc.assert(check, { numRuns: 300 });
});

test("ObjectCache throws for an index that nobody named", () => {
  assert.throws(() => createObjectCache({}).byIndex("node", "n1"), RangeError);
});
