import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { type ReconcileLoop, startReconcileLoop } from "./reconcile-loop.ts";

const OPTIONS = { name: "test", minIntervalMs: 100, retryMs: 1_000, resyncMs: 60_000 };

interface Scene {
  readonly loop: ReconcileLoop;
  /** Times at which runs began. */
  readonly starts: readonly number[];
  readonly errors: readonly unknown[];
  /** Lets time go by, a timer at a time. */
  pass(ms: number): Promise<void>;
  /** What a run does; replaced by tests. */
  work: () => Promise<void> | void;
}

/** Timers and the clock stand still until the test moves them. */
function createScene(context: TestContext): Scene {
  let now = 5_000;
  context.mock.timers.enable({ apis: ["setTimeout"] });
  context.mock.method(performance, "now", () => now);
  const starts: number[] = [];
  const errors: unknown[] = [];
  const loop = startReconcileLoop({
    ...OPTIONS,
    sync() {
      starts.push(now - 5_000);
      return scene.work();
    },
    onError: (error) => errors.push(error),
  });
  const scene: Scene = {
    loop,
    starts,
    errors,
    async pass(ms) {
      for (let step = 0; step < ms; step += 10) {
        now += 10;
        context.mock.timers.tick(10);
        await setImmediate();
      }
    },
    work: () => undefined,
  };
  return scene;
}

test("the first run is at once, the next one after the resync time", async (context) => {
  const { pass, starts } = createScene(context);
  await pass(10);
  assert.deepEqual(starts, [10]);
  await pass(OPTIONS.resyncMs);
  assert.deepEqual(starts, [10, 10 + OPTIONS.resyncMs]);
});

test("a burst of events is one run, not before the shortest time between two", async (context) => {
  const { loop, pass, starts } = createScene(context);
  await pass(10);
  for (let event = 0; event < 50; event++) loop.markDirty();
  await pass(90);
  assert.deepEqual(starts, [10]);
  await pass(10);
  assert.deepEqual(starts, [10, 110]);
  await pass(1_000);
  assert.deepEqual(starts, [10, 110]);
  loop.markDirty();
  await pass(10);
  assert.deepEqual(starts, [10, 110, 1_120]);
});

test("events during a run lead to one more run, since it may have read before them", async (context) => {
  const scene = createScene(context);
  const gate = Promise.withResolvers<void>();
  scene.work = () => gate.promise;
  await scene.pass(10);
  for (let event = 0; event < 3; event++) scene.loop.markDirty();
  await scene.pass(500);
  assert.deepEqual(scene.starts, [10]);
  scene.work = () => undefined;
  gate.resolve();
  await scene.pass(20);
  assert.equal(scene.starts.length, 2);
  await scene.pass(5_000);
  assert.equal(scene.starts.length, 2);
});

const FAILURES: Readonly<Record<string, () => Promise<void>>> = {
  "that rejects": () => Promise.reject(new Error("broken")),
  "that throws": () => {
    throw new Error("broken");
  },
};

for (const [what, fail] of Object.entries(FAILURES)) {
  test(`a run ${what} is reported and repeated after the retry time`, async (context) => {
    const scene = createScene(context);
    scene.work = fail;
    await scene.pass(10 + OPTIONS.retryMs);
    assert.deepEqual(scene.starts, [10, 10 + OPTIONS.retryMs]);
    assert.equal(scene.errors.length, 2);
    scene.work = () => undefined;
    await scene.pass(OPTIONS.retryMs);
    assert.equal(scene.starts.length, 3);
    await scene.pass(OPTIONS.retryMs * 5);
    assert.equal(scene.starts.length, 3);
  });
}

test("an event before the retry time brings the run forward", async (context) => {
  const scene = createScene(context);
  scene.work = () => Promise.reject(new Error("broken"));
  await scene.pass(10);
  scene.loop.markDirty();
  await scene.pass(100);
  assert.deepEqual(scene.starts, [10, 110]);
});

test("disposal waits for the run under way; no other follows, whatever happens", async (context) => {
  const scene = createScene(context);
  const gate = Promise.withResolvers<void>();
  scene.work = () => gate.promise;
  await scene.pass(10);
  scene.loop.markDirty();
  let isStopped = false;
  const stopped = scene.loop[Symbol.asyncDispose]().then(() => {
    isStopped = true;
  });
  await setImmediate();
  assert.equal(isStopped, false);
  gate.resolve();
  await stopped;
  scene.loop.markDirty();
  await scene.pass(OPTIONS.resyncMs * 2);
  assert.deepEqual(scene.starts, [10]);
});

test("disposal before the first run leaves it out", async (context) => {
  const scene = createScene(context);
  await scene.loop[Symbol.asyncDispose]();
  await scene.pass(OPTIONS.resyncMs);
  assert.deepEqual(scene.starts, []);
});
