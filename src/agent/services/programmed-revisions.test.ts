import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createProgrammedRevisions } from "./programmed-revisions.ts";

test("createProgrammedRevisions stays below the first version that is not in the kernel", () => {
  const revisions = createProgrammedRevisions();
  revisions.seen("services", "d/a", "5");
  revisions.seen("services", "d/b", "6");
  revisions.seen("endpointSlices", "d/b", "7");
  assert.deepEqual(revisions.current(), { services: 4, endpointSlices: 6 });
  revisions.writing(["d/b"])();
  assert.deepEqual(revisions.current(), { services: 4, endpointSlices: 7 });
  revisions.writing(["d/a"])();
  assert.deepEqual(revisions.current(), { services: 6, endpointSlices: 7 });
});

test("createProgrammedRevisions counts what comes during a write, or failed, as missing", () => {
  const revisions = createProgrammedRevisions();
  revisions.seen("services", "d/a", "5");
  const written = revisions.writing(["d/a"]);
  revisions.seen("services", "d/a", "8");
  assert.equal(revisions.current().services, 4);
  written();
  assert.equal(revisions.current().services, 7);
  revisions.writing(["d/a"]); // and fails
  revisions.seen("services", "d/b", "9");
  assert.equal(revisions.current().services, 7);
  revisions.writingAll()();
  assert.equal(revisions.current().services, 9);
});

test("createProgrammedRevisions promises exactly what was programmed", () => {
  const step = fc.record({ key: fc.constantFrom("a", "b", "c"), isProgrammed: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const revisions = createProgrammedRevisions();
      const open = new Map<string, number[]>();
      for (const [at, { key, isProgrammed }] of steps.entries()) {
        if (isProgrammed) {
          revisions.writing([key])();
          open.delete(key);
        } else {
          revisions.seen("services", key, String(at + 1));
          open.set(key, [...(open.get(key) ?? []), at + 1]);
        }
        const current = revisions.current().services;
        for (const version of [...open.values()].flat()) assert.ok(version > current);
      }
      revisions.writing(["a", "b", "c"])();
      const last = steps.findLastIndex(({ isProgrammed }) => !isProgrammed) + 1;
      assert.equal(revisions.current().services, last);
    }),
  );
});
