import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { createEtcdServer, type EtcdServer, etcdMissing } from "../conformance/etcd-server.ts";
import { never } from "../conformance/store-fixture.ts";
import { recordWatch } from "../conformance/watch-recorder.ts";
import { isStoreError, type Revision, type Store, type StoredEntry } from "../store.ts";
import { createEtcdStore } from "./etcd-store.ts";

const COUNTERS = "/registry/core/configmaps/";

interface Acknowledged {
  readonly key: string;
  readonly value: number;
  readonly revision: Revision;
}

/** Counts one key up until it is told to stop; every answer is compared with what it knows. */
async function count(store: Store, key: string, stop: AbortSignal, faults: EventTarget): Promise<Acknowledged[]> {
  const acknowledged: Acknowledged[] = [];
  let current: StoredEntry | undefined;
  let mustRead = false;
  /** A write without an answer may still happen, also after the next read. */
  let isDoubtful = false;
  while (!stop.aborted) {
    try {
      if (mustRead) {
        current = await store.get(key, never);
        mustRead = false;
        assert.ok(
          Number(current?.value ?? 0) >= (acknowledged.at(-1)?.value ?? 0),
          "a read from before the last write",
        );
      }
      const value = Number(current?.value ?? 0) + 1;
      const revision = await store.write({ key, value: String(value), expected: current?.revision ?? 0 }, never);
      acknowledged.push({ key, value, revision });
      current = { key, value: String(value), revision };
      isDoubtful = false;
      faults.dispatchEvent(new Event("written"));
    } catch (error) {
      // What is there decides. Nobody else writes this key.
      mustRead = true;
      if (isDoubtful && isStoreError(error, "conflict")) continue;
      if (!isStoreError(error, "unavailable")) throw error;
      isDoubtful = true;
      faults.dispatchEvent(new Event("unavailable"));
    }
  }
  return acknowledged;
}

const outages: Readonly<Record<string, (server: EtcdServer, unavailable: () => Promise<unknown>) => Promise<void>>> = {
  async "is killed and started again"(server, unavailable) {
    await server.kill();
    await unavailable();
    await server.start();
  },
  async "hangs and goes on"(server, unavailable) {
    server.pause();
    await unavailable();
    server.resume();
  },
};

for (const [what, outage] of Object.entries(outages)) {
  const title = `etcd store: when etcd ${what} under load, no answer is wrong and watches go on without loss or repeat`;
  test(title, { skip: etcdMissing ?? false, timeout: 240_000 }, async () => {
    await using server = await createEtcdServer();
    await server.start();
    await using store = createEtcdStore({ endpoints: [server.endpoint], timeoutMs: 400 });
    using watch = recordWatch(store, COUNTERS, await store.currentRevision(never));
    const stop = new AbortController();
    const faults = new EventTarget();
    const counters = Array.from({ length: 8 }, (_, index) => count(store, `${COUNTERS}${index}`, stop.signal, faults));
    const next = (event: string) => once(faults, event, { signal: AbortSignal.timeout(60_000) });
    for (let round = 0; round < 4; round++) {
      for (let writes = 0; writes < 40; writes++) await next("written");
      await outage(server, () => next("unavailable"));
    }
    for (let writes = 0; writes < 40; writes++) await next("written");
    stop.abort();
    const acknowledged = (await Promise.all(counters)).flat();
    await watch.reached(await store.currentRevision(never));

    const told = new Map(watch.events.map((event) => [event.revision, event]));
    for (const { key, value, revision } of acknowledged) {
      const event = told.get(revision);
      assert.deepEqual([event?.key, event?.type === "put" && event.value], [key, String(value)]);
    }
    const last = new Map<string, number>();
    for (const event of watch.events) {
      const value = event.type === "put" ? Number(event.value) : Number.NaN;
      assert.equal(value, (last.get(event.key) ?? 0) + 1, "an event is missing or came twice");
      last.set(event.key, value);
    }
    for (const [key, value] of last) assert.equal((await store.get(key, never))?.value, String(value));
  });
}

const replaced = "etcd store: a watch ends with compacted when etcd's data are replaced by older ones";
test(replaced, { skip: etcdMissing ?? false, timeout: 60_000 }, async () => {
  await using server = await createEtcdServer();
  await server.start();
  await using store = createEtcdStore({ endpoints: [server.endpoint] });
  let revision = 0;
  for (let index = 0; index < 5; index++) {
    revision = await store.write({ key: `${COUNTERS}a`, value: String(index), expected: revision }, never);
  }
  using watch = recordWatch(store, COUNTERS, revision);
  await server.kill();
  await server.wipe();
  await server.start();
  assert.ok((await store.currentRevision(never)) < revision);
  assert.equal((await watch.ended()).code, "compacted");
});
