import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import { createVerbLock, type VerbLock } from "./verb-lock.ts";

interface Step {
  readonly name: string;
  end(): void;
}

/** Steps that end when they are told to, and who runs at the moment. */
function stage() {
  const lock = createVerbLock();
  const running: string[] = [];
  const begin = (name: string) => {
    const gate = Promise.withResolvers<void>();
    const step = async (): Promise<string> => {
      running.push(name);
      await gate.promise;
      running.splice(running.indexOf(name), 1);
      return name;
    };
    return { step, end: () => gate.resolve(), name };
  };
  const start = (name: string, how: (lock: VerbLock, step: () => Promise<string>) => unknown): Step => {
    const { step, end } = begin(name);
    how(lock, step);
    return { name, end };
  };
  return {
    lock,
    shared: (id: string, name: string) => start(name, (its, step) => its.shared(id, step)),
    exclusive: (name: string) => start(name, (its, step) => its.exclusive(step)),
    /** Once everybody who can has begun. */
    async running(): Promise<readonly string[]> {
      await setImmediate();
      return running.toSorted();
    },
  };
}

test("verbs of one container run one after the other in the order of their calls, those of others together", async () => {
  const { shared, running } = stage();
  const [a1, a2, b1] = [shared("a", "a1"), shared("a", "a2"), shared("b", "b1")];
  assert.deepEqual(await running(), ["a1", "b1"]);
  a1.end();
  assert.deepEqual(await running(), ["a2", "b1"]);
  b1.end();
  a2.end();
  assert.deepEqual(await running(), []);
});

test("GC runs alone: behind what has begun, before what comes later", async () => {
  const { shared, exclusive, running } = stage();
  const a1 = shared("a", "a1");
  const gc = exclusive("gc");
  const [a2, b1] = [shared("a", "a2"), shared("b", "b1")];
  const second = exclusive("second gc");
  assert.deepEqual(await running(), ["a1"]);
  a1.end();
  assert.deepEqual(await running(), ["gc"]);
  gc.end();
  assert.deepEqual(await running(), ["a2", "b1"]);
  a2.end();
  assert.deepEqual(await running(), ["b1"]);
  b1.end();
  assert.deepEqual(await running(), ["second gc"]);
  second.end();
  assert.deepEqual(await running(), []);
});

test("a step that fails tells its caller alone, and the next one runs", async () => {
  const lock = createVerbLock();
  const failing = lock.shared("a", () => Promise.reject(new Error("first")));
  const next = lock.shared("a", async () => "second");
  const thrown = lock.exclusive(() => {
    throw new Error("at once");
  });
  const last = lock.shared("a", async () => "last");
  await assert.rejects(failing, /first/);
  assert.equal(await next, "second");
  await assert.rejects(thrown, /at once/);
  assert.equal(await last, "last");
});

test("ifIdle runs like a verb of the container, unless one runs or waits", async () => {
  const { lock, shared, running } = stage();
  const a1 = shared("a", "a1");
  assert.equal(
    lock.ifIdle("a", async () => "never"),
    undefined,
  );
  assert.equal(await lock.ifIdle("b", async () => "now"), "now");
  a1.end();
  await running();
  const gate = Promise.withResolvers<void>();
  const idle = lock.ifIdle("a", () => gate.promise);
  const a2 = shared("a", "a2");
  assert.deepEqual(await running(), []);
  gate.resolve();
  await idle;
  assert.deepEqual(await running(), ["a2"]);
  a2.end();
});

test("whatever is called and ends in whatever order, nobody runs beside whom it must not, and everybody runs", async () => {
  const action = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom("a", "b", "c") },
    { weight: 1, arbitrary: fc.constant("gc") },
    { weight: 4, arbitrary: fc.nat(20) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 30 }), async (actions) => {
      const { shared, exclusive, running } = stage();
      const steps: Step[] = [];
      const begun: string[] = [];
      const check = async (): Promise<void> => {
        const now = await running();
        const owners = now.map((name) => name.split(" ")[0]);
        assert.equal(new Set(owners).size, owners.length, now.join());
        if (owners.includes("gc")) assert.equal(now.length, 1, now.join());
        for (const name of now) if (!begun.includes(name)) begun.push(name);
      };
      for (const [index, one] of actions.entries()) {
        if (typeof one === "number") {
          const now = await running();
          steps.find(({ name }) => name === now[one % now.length])?.end();
        } else steps.push(one === "gc" ? exclusive(`gc ${index}`) : shared(one, `${one} ${index}`));
        await check();
      }
      for (let guard = 0; (await running()).length > 0; guard++) {
        assert.ok(guard <= steps.length, "steps come to an end");
        const now = await running();
        for (const { name, end } of steps) if (now.includes(name)) end();
        await check();
      }
      assert.equal(begun.length, steps.length);
      for (const id of ["a", "b", "c"]) {
        const ofOne = begun.filter((name) => name.startsWith(`${id} `)).map((name) => Number(name.slice(2)));
        assert.deepEqual(
          ofOne,
          ofOne.toSorted((x, y) => x - y),
          "in the order of the calls",
        );
      }
    }),
    { numRuns: 300 },
  );
});
