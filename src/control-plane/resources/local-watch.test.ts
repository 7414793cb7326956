import assert from "node:assert/strict";
import { test } from "node:test";
import { expiredError, isApiError } from "#api/api-error.ts";
import type { KubeObject } from "#api/kind.ts";
import { watchLocally } from "./local-watch.ts";
import type { WatchEvent, WatchSink } from "./resource-api.ts";

const DEADLINE = { timeout: 10_000 };

function added(name: string): WatchEvent {
  return { type: "ADDED", object: { apiVersion: "v1", kind: "Pod", metadata: { name } } };
}

interface Begun {
  readonly sink: WatchSink;
  readonly signal: AbortSignal;
}

/** A watch that stands, with `initial` told before that. */
function begin(initial: readonly WatchEvent[] = [], timeoutMs?: number) {
  const begun = Promise.withResolvers<Begun>();
  const stop = new AbortController();
  const events = watchLocally<KubeObject>({
    typed: (object) => object,
    timeoutMs,
    signal: stop.signal,
    overflowError: () => expiredError("too slow"),
    async begin(sink, signal) {
      for (const event of initial) sink.onEvent(event);
      begun.resolve({ sink, signal });
    },
  });
  return { events, begun: begun.promise, stop };
}

async function namesOf(events: AsyncIterable<unknown>): Promise<readonly unknown[]> {
  const names: unknown[] = [];
  for await (const event of events) {
    // What comes out are typed events.
    const { object } = event as { readonly object: KubeObject };
    names.push(object.metadata.name);
  }
  return names;
}

test("watchLocally gives what is told before it stands, however much, and what comes later", DEADLINE, async () => {
  const initial = Array.from({ length: 25_000 }, (_, index) => added(`m${index}`));
  const { events, begun } = begin(initial, 200);
  const reading = namesOf(events);
  const { sink } = await begun;
  assert.equal(sink.onEvent(added("later")), true);
  const names = await reading;
  assert.equal(names.length, 25_001);
  assert.equal(names.at(-1), "later");
  assert.equal(sink.onEvent(added("too late")), false);
});

test("watchLocally ends with 410 when its reader is too slow, and frees what waits", DEADLINE, async () => {
  const { events, begun } = begin([added("first")]);
  await events.next();
  const { sink } = await begun;
  let taken = 0;
  while (sink.onEvent(added("more"))) taken++;
  assert.equal(taken, 10_000);
  await assert.rejects(events.next(), (error) => isApiError(error, "Expired"));
  assert.equal((await events.next()).done, true);
});

test("watchLocally rejects with what the watch ended with", DEADLINE, async () => {
  const { events, begun } = begin();
  const next = events.next();
  const { sink, signal } = await begun;
  const lost = expiredError("compacted");
  sink.onError(lost);
  await assert.rejects(next, (error) => error === lost);
  assert.ok(signal.aborted);
});

test("watchLocally rejects with the caller's reason, and gives up the watch", DEADLINE, async () => {
  const { events, begun, stop } = begin();
  const next = events.next();
  const { signal } = await begun;
  const why = new Error("enough");
  stop.abort(why);
  await assert.rejects(next, (error) => error === why);
  assert.ok(signal.aborted);
});

test("watchLocally gives up the watch when its reader leaves", DEADLINE, async () => {
  const { events, begun } = begin([added("a"), added("b")]);
  for await (const _ of events) break;
  assert.ok((await begun).signal.aborted);
});
