import assert from "node:assert/strict";
import { test } from "node:test";
import type { Component } from "./component.ts";
import { supervise } from "./supervise.ts";

const log = { info: () => undefined, error: () => undefined };
const signal = AbortSignal.timeout(20_000);

interface Simulated {
  readonly component: Component;
  readonly starts: number;
  /** The one that runs now ends by itself. */
  end(reason: string): void;
  failNext(error: Error): void;
}

function simulated(): Simulated {
  let starts = 0;
  let current = Promise.withResolvers<string>();
  let failure: Error | undefined;
  return {
    get starts() {
      return starts;
    },
    end: (reason) => current.resolve(reason),
    failNext: (error) => {
      failure = error;
    },
    component: {
      name: "thing",
      async start() {
        starts++;
        const error = failure;
        failure = undefined;
        if (error !== undefined) throw error;
        const own = Promise.withResolvers<string>();
        current = own;
        return {
          pid: () => 42,
          exited: own.promise,
          async end(name) {
            own.resolve(`ended by ${name}`);
            await own.promise;
          },
        };
      },
    },
  };
}

/** Resolves when it has noticed the end and runs again. */
async function runsAgain(supervised: Awaited<ReturnType<typeof supervise>>): Promise<void> {
  while (supervised.status().state === "running") await new Promise(setImmediate);
  await supervised.running(signal);
}

test("supervise starts a component again when it ends, and says why it did", async () => {
  const thing = simulated();
  const supervised = await supervise(thing.component, { log }, signal);
  assert.deepEqual([supervised.status().state, supervised.status().pid], ["running", 42]);
  thing.end("out of memory");
  await runsAgain(supervised);
  const { state, restarts, lastEnd } = supervised.status();
  assert.deepEqual([state, restarts, lastEnd, thing.starts], ["running", 1, "out of memory", 2]);
  await supervised.stop("SIGTERM");
});

test("supervise tries again when a restart fails", async () => {
  const thing = simulated();
  const supervised = await supervise(thing.component, { log }, signal);
  thing.failNext(new Error("port in use"));
  thing.end("killed");
  await runsAgain(supervised);
  assert.deepEqual([thing.starts, supervised.status().restarts], [3, 1]);
  await supervised.stop("SIGTERM");
});

test("supervise rejects when the first start fails", async () => {
  const thing = simulated();
  thing.failNext(new Error("no such file"));
  await assert.rejects(supervise(thing.component, { log }, signal), /no such file/);
  assert.equal(thing.starts, 1);
});

test("stop ends a component for good, also while it is about to be started again", async () => {
  const thing = simulated();
  const supervised = await supervise(thing.component, { log }, signal);
  thing.end("killed");
  while (supervised.status().state === "running") await new Promise(setImmediate);
  await Promise.all([supervised.stop("SIGTERM"), supervised.stop("SIGKILL")]);
  assert.equal(supervised.status().state, "stopped");
  assert.equal(thing.starts, 1);
  await assert.rejects(supervised.running(signal), /thing is stopped/);
});
