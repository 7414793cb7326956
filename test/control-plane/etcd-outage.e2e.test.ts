/**
 * API servers on a real etcd that is killed and started again, or hangs and goes on, under load: requests fail clearly
 * and go on by themselves, no answer is wrong, watches lose and repeat nothing. And two servers on one etcd.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { createEtcdServer, type EtcdServer, etcdMissing } from "#control-plane/store/conformance/etcd-server.ts";
import type { ApiCaller } from "./api-caller.ts";
import { createPlaneFolder } from "./plane.ts";
import { createRandom } from "./random.ts";
import { createRawWatch, type RawWatch, replay } from "./raw-watch.ts";
import { createWriteLoad, MAPS, type WriteLoad } from "./write-load.ts";

const LANES = 6;
/** Short, so that an outage is noticed soon. */
const TIMEOUT_MS = 500;
const skip = etcdMissing ?? false;

interface Observed {
  readonly load: WriteLoad;
  written(count: number): Promise<void>;
  failed(count: number): Promise<void>;
}

function observeLoad(): Observed {
  const told = new EventTarget();
  const wait = async (event: string, count: number): Promise<void> => {
    for (let seen = 0; seen < count; seen++) await once(told, event, { signal: AbortSignal.timeout(60_000) });
  };
  const load = createWriteLoad({
    random: createRandom(Math.floor(Math.random() * 2 ** 31)),
    lanes: LANES,
    onWritten: () => void told.dispatchEvent(new Event("written")),
    onFailed: () => void told.dispatchEvent(new Event("failed")),
  });
  return {
    load,
    written: (count) => wait("written", count),
    failed: (count) => wait("failed", count),
  };
}

async function revisionOf(caller: ApiCaller): Promise<number> {
  return Number((await caller.call("GET", `${MAPS}?limit=1`)).json.metadata.resourceVersion);
}

/** The watch has told every acknowledged write, and its events make what is there. */
async function checkWatch(watch: RawWatch, load: WriteLoad, caller: ApiCaller): Promise<void> {
  const { json } = await caller.call("GET", MAPS);
  await watch.reached(Math.max(0, ...load.acknowledged.slice(-100).map(({ revision }) => revision)));
  const state = new Map<string, string | undefined>();
  replay(state, watch.events);
  const there = json.items.map(({ metadata, data }: never) => [metadata["name"], data["value"]]);
  assert.deepEqual([...state].toSorted(), there.toSorted());
  const events = new Map(watch.events.map((event) => [event.revision, event]));
  for (const { name, value, revision } of load.acknowledged) {
    assert.deepEqual([events.get(revision)?.name, events.get(revision)?.value], [name, value]);
  }
}

const outages: Readonly<Record<string, { stop(etcd: EtcdServer): unknown; goOn(etcd: EtcdServer): unknown }>> = {
  "is killed and started again": { stop: (etcd) => etcd.kill(), goOn: (etcd) => etcd.start() },
  "hangs and goes on": { stop: (etcd) => etcd.pause(), goOn: (etcd) => etcd.resume() },
};

for (const [what, { stop, goOn }] of Object.entries(outages)) {
  test(`when etcd ${what}, requests fail with 503 and go on by themselves`, { skip, timeout: 200_000 }, async () => {
    await using etcd = await createEtcdServer();
    await etcd.start();
    await using folder = await createPlaneFolder();
    await using plane = await folder.start({ port: 0, etcd: { endpoint: etcd.endpoint, timeoutMs: TIMEOUT_MS } });
    using caller = folder.callerOf(plane.port);
    const ready = async (): Promise<number> => (await caller.call("GET", "/readyz")).status;
    using watch = createRawWatch(MAPS, await revisionOf(caller));
    await watch.connect(caller);
    const { load, written, failed } = observeLoad();
    const ending = new AbortController();
    const running = load.run([caller], ending.signal);
    for (let round = 0; round < 3; round++) {
      await written(40);
      assert.equal(await ready(), 200);
      const failures = failed(2 * LANES);
      await stop(etcd);
      await failures;
      assert.equal(await ready(), 500);
      assert.equal((await caller.call("GET", "/livez")).status, 200);
      const writes = written(LANES);
      await goOn(etcd);
      await writes;
      while ((await ready()) !== 200) await written(1);
    }
    ending.abort();
    await running;
    await load.check(caller);
    await checkWatch(watch, load, caller);
    assert.equal(plane.ending(), undefined);
  });
}

test("two API servers on one etcd see each other's writes at once, and one goes on alone", {
  skip,
  timeout: 120_000,
}, async () => {
  await using etcd = await createEtcdServer();
  await etcd.start();
  await using folder = await createPlaneFolder();
  const options = { port: 0, etcd: { endpoint: etcd.endpoint, timeoutMs: TIMEOUT_MS } };
  await using one = await folder.start(options);
  await using other = await folder.start(options);
  using first = folder.callerOf(one.port);
  using second = folder.callerOf(other.port);
  const body = (value: number) => JSON.stringify({ metadata: { name: "both" }, data: { value: String(value) } });
  for (let value = 1; value <= 60; value += 3) {
    const created = await first.call("POST", MAPS, { body: body(value) });
    const read = await second.call("GET", `${MAPS}/both`);
    assert.deepEqual([created.status, read.json], [201, created.json]);
    const replaced = await second.call("PUT", `${MAPS}/both`, { body: body(value + 1) });
    const listed = (await first.call("GET", MAPS)).json.items.find(
      ({ metadata }: never) => metadata["name"] === "both",
    );
    assert.equal(listed.metadata.resourceVersion, replaced.json.metadata.resourceVersion);
    const old = await first.call("PUT", `${MAPS}/both`, {
      body: JSON.stringify({ metadata: created.json.metadata, data: {} }),
    });
    assert.deepEqual([old.status, old.json.reason], [409, "Conflict"]);
    assert.equal((await second.call("DELETE", `${MAPS}/both`)).status, 200);
    assert.equal((await first.call("GET", `${MAPS}/both`)).status, 404);
  }
  using watch = createRawWatch(MAPS, await revisionOf(second));
  await watch.connect(second);
  const { load, written } = observeLoad();
  const ending = new AbortController();
  const running = load.run([first, second], ending.signal);
  await written(80);
  one.kill("SIGKILL");
  await written(80);
  ending.abort();
  await running;
  await load.check(second);
  await checkWatch(watch, load, second);
});
