import assert from "node:assert/strict";
import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { tailOffset } from "./tail-offset.ts";

test("tailOffset leaves as many lines as there are, at most those asked for", async () => {
  const folder = await mkdtemp(join(tmpdir(), "podwire-tail-"));
  const path = join(folder, "log");
  try {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 40_000 }), { maxLength: 12 }),
        fc.integer({ min: 0, max: 15 }),
        async (lines, count) => {
          const text = lines.map((each) => `${each}\n`).join("");
          await writeFile(path, text);
          await using file = await open(path);
          const expected = lines.slice(Math.max(0, lines.length - count)).map((each) => `${each}\n`);
          assert.equal(text.slice(await tailOffset(file, count)), count === 0 ? "" : expected.join(""));
        },
      ),
      { numRuns: 50 },
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});
