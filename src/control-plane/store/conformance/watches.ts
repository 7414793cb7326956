/** Store conformance: watches from now, from the past, over compactions, and what listeners may do. */
import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import type { Revision, Store, StoreEvent } from "../store.ts";
import { never, put, remove, type StoreFixture, storeTest } from "./store-fixture.ts";
import { recordWatch, type WatchRecorder } from "./watch-recorder.ts";

const PODS = "/registry/core/pods/";
const NODES = "/registry/core/nodes/";

export function testWatches(fixture: StoreFixture): void {
  storeTest(fixture, "watch tells of each write with its past, and of nothing else", async (store) => {
    using watch = recordWatch(store, PODS, await store.currentRevision(never));
    const key = `${PODS}default/a`;
    const created = await put(store, key, "1", 0);
    const node = await put(store, `${NODES}n`, "1", 0);
    const updated = await put(store, key, "2", created);
    const deleted = await remove(store, key, updated);
    await watch.reached(deleted);
    assert.deepEqual(watch.events, [
      { type: "put", key, value: "1", revision: created, isNew: true, previous: undefined, previousRevision: 0 },
      { type: "put", key, value: "2", revision: updated, isNew: false, previous: "1", previousRevision: created },
      { type: "delete", key, revision: deleted, previous: "2", previousRevision: updated },
    ]);
    const other = await put(store, `${NODES}n`, "2", node);
    await watch.reached(other);
    assert.equal(watch.events.length, 3);
  });

  storeTest(fixture, "watch resumes behind each revision without loss or repeat, while writes go on", async (store) => {
    const start = await store.currentRevision(never);
    using whole = recordWatch(store, PODS, start);
    const history = await writeMixed(store, 60);
    const resumed: WatchRecorder[] = [];
    for (let after = start; after <= history; after++) resumed.push(recordWatch(store, PODS, after));
    const newest = await writeMixed(store, 30);
    await whole.reached(newest);
    for (const [index, watch] of resumed.entries()) {
      using recorder = watch;
      await recorder.reached(newest);
      assert.deepEqual(recorder.events, eventsAfter(whole.events, start + index), `after ${start + index}`);
    }
    assert.equal(whole.events.length, (await putsAndDeletesSince(store, start)).length);
  });

  storeTest(fixture, "watch catches up with a long history while writes go on", async (store) => {
    const start = await store.currentRevision(never);
    const values: string[] = [];
    let revision = 0;
    for (; values.length < 600; values.push(String(revision))) {
      revision = await put(store, `${PODS}default/a`, String(revision), revision);
    }
    using late = recordWatch(store, PODS, start);
    for (; values.length < 900; values.push(String(revision))) {
      revision = await put(store, `${PODS}default/a`, String(revision), revision);
      // Gives the watch its turns.
      if (values.length % 8 === 0) await setImmediate();
    }
    await late.reached(revision);
    assert.deepEqual(
      late.events.map((event) => event.revision),
      values.map(Number),
    );
  });

  storeTest(fixture, "watch after a revision of the future tells only of what comes behind it", async (store) => {
    const start = await store.currentRevision(never);
    using watch = recordWatch(store, PODS, start + 2);
    let last = 0;
    for (let index = 0; index < 4; index++) last = await put(store, `${PODS}default/${index}`, "1", 0);
    await watch.reached(last);
    assert.deepEqual(
      watch.events.map(({ revision }) => revision),
      [start + 3, start + 4],
    );
  });

  storeTest(fixture, "watch behind a compaction ends with compacted, at it or later it goes on", async (store) => {
    const start = await store.currentRevision(never);
    using whole = recordWatch(store, PODS, start);
    const newest = await writeMixed(store, 40);
    await whole.reached(newest);
    for (const compacted of [start + 12, start + 13, start + 14, newest]) {
      await store.compact(compacted, never);
      using late = recordWatch(store, PODS, compacted - 1);
      using veryLate = recordWatch(store, PODS, 0);
      for (const watch of [late, veryLate]) {
        assert.equal((await watch.ended()).code, "compacted", `compacted ${compacted}`);
        assert.deepEqual(watch.events, []);
      }
      using inTime = recordWatch(store, PODS, compacted);
      await inTime.reached(newest);
      assert.deepEqual(inTime.events, eventsAfter(whole.events, compacted));
    }
    const last = await put(store, `${PODS}default/last`, "1", 0);
    await whole.reached(last);
  });

  storeTest(fixture, "a disposed watch is told nothing more, also from within its own event", async (store) => {
    const start = await store.currentRevision(never);
    using witness = recordWatch(store, PODS, start);
    const told: string[] = [];
    const onEnd = (): void => void told.push("end");
    const early = store.watch(PODS, start, { onEvents: () => void told.push("early"), onEnd });
    early[Symbol.dispose]();
    const once: Disposable = store.watch(PODS, start, {
      onEvents() {
        told.push("once");
        once[Symbol.dispose]();
      },
      onEnd,
    });
    let last = 0;
    for (let index = 0; index < 5; index++) last = await put(store, `${PODS}default/${index}`, "1", 0);
    await witness.reached(last);
    assert.deepEqual(told, ["once"]);
    early[Symbol.dispose]();
  });

  storeTest(fixture, "a listener may write and watch: everybody is told in the order of revisions", async (store) => {
    const start = await store.currentRevision(never);
    const writes: Promise<Revision>[] = [];
    const inner: WatchRecorder[] = [];
    using first = store.watch(PODS, start, {
      onEvents(events) {
        for (const event of events) {
          if (event.key.endsWith("/echo") || event.type === "delete") continue;
          writes.push(put(store, `${event.key}/echo`, "1", 0));
          inner.push(recordWatch(store, PODS, event.revision - 1));
        }
      },
      onEnd() {},
    });
    using second = recordWatch(store, PODS, start);
    let last = 0;
    for (let index = 0; index < 3; index++) last = await put(store, `${PODS}default/${index}`, "1", 0);
    await second.reached(last);
    await second.reached(Math.max(...(await Promise.all(writes))));
    assert.ok(first !== undefined);
    assert.equal(second.events.length, 6);
    for (const watch of inner) {
      using recorder = watch;
      await recorder.reached(second.events.at(-1)?.revision ?? 0);
      const firstRevision = recorder.events[0]?.revision ?? 0;
      assert.deepEqual(recorder.events, eventsAfter(second.events, firstRevision - 1));
    }
  });
}

/** Creates, updates and deletes a few pods and, in between, nodes; gives the last revision. */
async function writeMixed(store: Store, writes: number): Promise<Revision> {
  let last = 0;
  for (let index = 0; index < writes; index++) {
    const key = index % 5 === 4 ? `${NODES}n-${index % 2}` : `${PODS}default/pod-${index % 4}`;
    const current = await store.get(key, never);
    const value = index % 7 === 6 && current !== undefined ? undefined : String(index);
    last = await store.write({ key, value, expected: current?.revision ?? 0 }, never);
  }
  return last;
}

function eventsAfter(events: readonly StoreEvent[], after: Revision): readonly StoreEvent[] {
  return events.filter(({ revision }) => revision > after);
}

async function putsAndDeletesSince(store: Store, after: Revision): Promise<readonly StoreEvent[]> {
  using again = recordWatch(store, PODS, after);
  await again.reached(await store.currentRevision(never));
  return again.events;
}
