import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError, conflictError } from "#api/api-error.ts";
import { type KeyQueue, startControlLoop } from "./start-control-loop.ts";

function createLog() {
  const errors: string[] = [];
  const log = {
    info: () => undefined,
    error: (event: string, fields = {}) => void errors.push(`${event} ${JSON.stringify(fields)}`),
  };
  return { errors, log };
}

const terminating = new ApiError({
  code: 403,
  reason: "Forbidden",
  message: "no",
  details: { causes: [{ reason: "NamespaceTerminating", message: "namespace shop is being terminated" }] },
});

test("startControlLoop works on nothing before all informers have synced, and then on each key once", async () => {
  const { log, errors } = createLog();
  const synced = Promise.withResolvers<void>();
  const worked: string[] = [];
  const starting = startControlLoop(
    { log },
    {
      name: "test",
      workers: 2,
      informers: [{ synced: synced.promise }],
      subscribe(queue) {
        for (const key of ["a", "b", "a"]) queue.add(key);
      },
      work: async (key) => void worked.push(key),
    },
  );
  await new Promise((resolve) => void setImmediate(resolve));
  assert.deepEqual(worked, []);
  synced.resolve();
  await using _loop = await starting;
  await new Promise((resolve) => void setImmediate(resolve));
  assert.deepEqual(worked, ["a", "b"]);
  assert.deepEqual(errors, []);
});

for (const { title, error, tries, logged } of [
  {
    title: "tries again after a conflict, without a word",
    error: conflictError({ group: "", plural: "pods" }, "a", "no"),
    tries: 2,
    logged: 0,
  },
  { title: "tries again after other errors, and logs them", error: new Error("no"), tries: 2, logged: 1 },
  { title: "gives up on what is in a namespace that is being deleted", error: terminating, tries: 1, logged: 0 },
]) {
  test(`startControlLoop ${title}`, async () => {
    const { log, errors } = createLog();
    const done = Promise.withResolvers<void>();
    let count = 0;
    let keys: KeyQueue | undefined;
    await using _loop = await startControlLoop(
      { log },
      {
        name: "test",
        workers: 1,
        informers: [],
        subscribe(queue) {
          keys = queue;
          queue.add("a");
        },
        async work(key) {
          if (key === "end") return done.resolve();
          count += 1;
          if (count === 1) throw error;
          keys?.add("end");
        },
      },
    );
    if (tries === 1) keys?.add("end");
    await done.promise;
    assert.equal(count, tries);
    assert.equal(errors.length, logged);
  });
}

test("startControlLoop undoes its subscriptions when an informer does not sync", async () => {
  let isUndone = false;
  const starting = startControlLoop(createLog(), {
    name: "test",
    workers: 1,
    informers: [{ synced: Promise.reject(new Error("closed")) }],
    subscribe: (_queue, subscriptions) =>
      void subscriptions.defer(() => {
        isUndone = true;
      }),
    work: async () => undefined,
  });
  await assert.rejects(starting, /closed/);
  assert.equal(isUndone, true);
});
