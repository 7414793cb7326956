import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseRange } from "./byte-range.ts";

const cases = [
  { header: undefined, range: undefined },
  { header: "bytes=0-9", range: { first: 0, last: 9 } },
  { header: "bytes=10-", range: { first: 10, last: 99 } },
  { header: "bytes=-10", range: { first: 90, last: 99 } },
  { header: "bytes=-1000", range: { first: 0, last: 99 } },
  { header: "bytes=90-1000", range: { first: 90, last: 99 } },
  { header: "bytes=99-99", range: { first: 99, last: 99 } },
  { header: "bytes=100-", range: "unsatisfiable" },
  { header: "bytes=-0", range: "unsatisfiable" },
  { header: "bytes=9-5", range: undefined },
  { header: "bytes=0-1,5-6", range: undefined },
  { header: "bytes=-", range: undefined },
  { header: "items=0-9", range: undefined },
  { header: "bytes=a-b", range: undefined },
] as const;

for (const { header, range } of cases) {
  test(`parseRange of ${header} in 100 bytes`, () => {
    assert.deepEqual(parseRange(header, 100), range);
  });
}

test("parseRange of an empty blob is never a range", () => {
  for (const header of ["bytes=0-", "bytes=-5", "bytes=0-0"]) assert.equal(parseRange(header, 0), "unsatisfiable");
});

test("parseRange stays within the blob, whatever is asked", () => {
  fc.assert(
    fc.property(fc.string(), fc.nat(), fc.nat(1000), (text, number, size) => {
      for (const header of [text, `bytes=${text}`, `bytes=${number}-`, `bytes=-${number}`]) {
        const range = parseRange(header, size);
        if (range === undefined || range === "unsatisfiable") continue;
        assert.ok(0 <= range.first && range.first <= range.last && range.last < size);
      }
    }),
  );
});
