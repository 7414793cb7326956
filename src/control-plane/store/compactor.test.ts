import assert from "node:assert/strict";
import { test } from "node:test";
import { planCompaction, type RevisionSample, startCompactor } from "./compactor.ts";
import { never, put } from "./conformance/store-fixture.ts";
import { createSqliteStore } from "./sqlite/sqlite-store.ts";

const policy = { keepMs: 300, keepRevisions: 1000 };

const cases: readonly [string, readonly RevisionSample[], number, number][] = [
  ["nothing known", [], 0, 0],
  [
    "nothing old",
    [
      { at: 0, revision: 5 },
      { at: 299, revision: 9 },
    ],
    0,
    2,
  ],
  [
    "what was the newest revision long ago",
    [
      { at: 0, revision: 5 },
      { at: 300, revision: 9 },
    ],
    5,
    1,
  ],
  [
    "the newest of several old ones",
    [
      { at: 0, revision: 5 },
      { at: 50, revision: 7 },
      { at: 350, revision: 9 },
    ],
    7,
    1,
  ],
  [
    "more revisions than wanted",
    [
      { at: 0, revision: 5 },
      { at: 10, revision: 2005 },
    ],
    1005,
    2,
  ],
  [
    "both",
    [
      { at: 0, revision: 1500 },
      { at: 300, revision: 2005 },
    ],
    1500,
    1,
  ],
];
for (const [what, samples, revision, kept] of cases) {
  test(`planCompaction: ${what}`, () => {
    const plan = planCompaction(policy, samples);
    assert.equal(plan.revision, revision);
    assert.deepEqual(plan.samples, samples.slice(samples.length - kept));
  });
}

test("startCompactor compacts at each interval and goes on after an error", async () => {
  await using store = createSqliteStore({ path: ":memory:" });
  for (let index = 0, revision = 0; index < 20; index++) revision = await put(store, "/registry/a", "1", revision);
  const { promise: compacted, resolve } = Promise.withResolvers<number>();
  const errors: unknown[] = [];
  let calls = 0;
  await using compactor = startCompactor({
    store: {
      currentRevision: (signal) => (++calls === 1 ? Promise.reject(new Error("away")) : store.currentRevision(signal)),
      async compact(revision, signal) {
        await store.compact(revision, signal);
        resolve(revision);
      },
    },
    policy: { keepMs: 1e9, keepRevisions: 5 },
    intervalMs: 1,
    onError: (error) => errors.push(error),
  });
  const keepAlive = setInterval(() => undefined, 1000);
  assert.equal(await compacted, (await store.currentRevision(never)) - 5);
  clearInterval(keepAlive);
  assert.equal(errors.length, 1);
  assert.ok(compactor !== undefined);
});
