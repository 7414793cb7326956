/**
 * The control plane's process is killed at any moment of a write load and started again on its data: what was
 * acknowledged is there, revisions go on, and watches resume without loss or repeat.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { configMap } from "#api/kinds/config-map.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import { createInformer } from "#api-client/create-informer.ts";
import { createHttpClient } from "#api-client/http-client.ts";
import type { ApiCaller } from "./api-caller.ts";
import { createPlaneFolder, type PlaneFolder } from "./plane.ts";
import { createRandom } from "./random.ts";
import { createRawWatch, replay } from "./raw-watch.ts";
import { createWriteLoad, MAPS, type WriteLoad } from "./write-load.ts";

const ROUNDS = 30;
const LANES = 6;

/** Resolves after so many further writes. */
function createWriteCount() {
  let count = 0;
  let wanted = Number.POSITIVE_INFINITY;
  let reached = Promise.withResolvers<void>();
  return {
    onWritten(): void {
      if (++count >= wanted) reached.resolve();
    },
    after(writes: number): Promise<void> {
      wanted = count + writes;
      reached = Promise.withResolvers();
      return reached.promise;
    },
  };
}

async function revisionOf(caller: ApiCaller): Promise<number> {
  const { json } = await caller.call("GET", `${MAPS}?limit=1`);
  return Number(json.metadata.resourceVersion);
}

async function stateOf(caller: ApiCaller): Promise<ReadonlyMap<string, string>> {
  const { json } = await caller.call("GET", MAPS);
  return new Map(json.items.map(({ metadata, data }: never) => [metadata["name"], data["value"]]));
}

/** Writes until some are acknowledged, then kills the server in the midst of the others. */
async function writeAndKill(
  folder: PlaneFolder,
  { port, writes }: { readonly port: number; readonly writes: number },
  { load, count, onStart }: { load: WriteLoad; count: ReturnType<typeof createWriteCount>; onStart: OnStart },
): Promise<void> {
  await using plane = await folder.start({ port });
  using caller = folder.callerOf(port, LANES);
  await onStart(caller);
  const stop = new AbortController();
  const enough = count.after(writes);
  const running = load.run([caller], stop.signal);
  await enough;
  plane.kill("SIGKILL");
  stop.abort();
  await plane.ended;
  await running;
  assert.deepEqual(plane.errors, []);
}

type OnStart = (caller: ApiCaller) => Promise<void>;

async function freshPort(folder: PlaneFolder): Promise<number> {
  await using plane = await folder.start({ port: 0 });
  return plane.port;
}

const title = `${ROUNDS} times killed under load, the control plane loses nothing that it acknowledged`;
test(title, { timeout: 240_000 }, async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const random = createRandom(seed);
  await using folder = await createPlaneFolder();
  const port = await freshPort(folder);
  const count = createWriteCount();
  const load = createWriteLoad({ random, lanes: LANES, onWritten: count.onWritten });
  using watch = createRawWatch(MAPS, 1);
  let newest = 0;
  const onStart: OnStart = async (caller) => {
    const revision = await revisionOf(caller);
    const acknowledged = Math.max(0, ...load.acknowledged.slice(-100).map(({ revision: at }) => at));
    assert.ok(revision >= Math.max(newest, acknowledged), `${revision} after ${newest}, ${acknowledged}; seed ${seed}`);
    newest = revision;
    await load.check(caller);
    await watch.connect(caller);
  };
  for (let round = 0; round < ROUNDS; round++) {
    await writeAndKill(folder, { port, writes: 10 + random.below(150) }, { load, count, onStart });
  }
  await using _plane = await folder.start({ port });
  using caller = folder.callerOf(port);
  await onStart(caller);
  // What nobody has acknowledged may have been written all the same: its events are before this one's.
  const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "last" }, data: { value: "last" } };
  const { json: last } = await caller.call("POST", MAPS, { body: JSON.stringify(object) });
  await watch.reached(Number(last.metadata.resourceVersion));
  const told = new Map<string, string | undefined>();
  replay(told, watch.events);
  assert.deepEqual(new Map([...told].toSorted()), new Map([...(await stateOf(caller))].toSorted()), `seed ${seed}`);
  const events = new Map(watch.events.map((event) => [event.revision, event]));
  for (const { name, value, revision } of load.acknowledged) {
    assert.deepEqual([events.get(revision)?.name, events.get(revision)?.value], [name, value], `seed ${seed}`);
  }
});

test("an informer resumes over a killed control plane without listing again", { timeout: 120_000 }, async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  await using folder = await createPlaneFolder();
  const port = await freshPort(folder);
  const count = createWriteCount();
  const load = createWriteLoad({ random: createRandom(seed), lanes: LANES, onWritten: count.onWritten });
  using client = createHttpClient(folder.clusterOf(port), { userAgent: "crash-test/1" });
  let lists = 0;
  const counting: Pick<ApiClient, "list" | "watch"> = {
    list(...request) {
      lists += 1;
      return client.list(...request);
    },
    watch: (...request) => client.watch(...request),
  };
  await using stack = new AsyncDisposableStack();
  const kept = new Map<string, string | undefined>();
  const changed = new EventTarget();
  const onStart: OnStart = async () => {
    const informer = stack.use(
      createInformer({ client: counting, kind: configMap, query: {}, onError: () => undefined }),
    );
    await informer.synced;
    informer.subscribe({
      onAdd({ metadata, data }) {
        assert.ok(!kept.has(metadata.name ?? ""));
        kept.set(metadata.name ?? "", data?.["value"]);
        changed.dispatchEvent(new Event("change"));
      },
      onUpdate({ metadata, data }, old) {
        assert.ok(Number(metadata.resourceVersion) > Number(old.metadata.resourceVersion));
        kept.set(metadata.name ?? "", data?.["value"]);
        changed.dispatchEvent(new Event("change"));
      },
      onDelete({ metadata }) {
        assert.ok(kept.delete(metadata.name ?? ""));
        changed.dispatchEvent(new Event("change"));
      },
    });
  };
  await writeAndKill(folder, { port, writes: 60 }, { load, count, onStart });
  await using _plane = await folder.start({ port });
  using caller = folder.callerOf(port);
  await load.check(caller);
  const expected = JSON.stringify([...(await stateOf(caller))].toSorted());
  const isSame = (): boolean => JSON.stringify([...kept].toSorted()) === expected;
  const signal = AbortSignal.timeout(60_000);
  while (!isSame()) {
    await new Promise<void>((resolve, reject) => {
      changed.addEventListener("change", () => resolve(), { once: true });
      signal.addEventListener("abort", () => reject(new Error(`the informer has ${[...kept]}, not ${expected}`)));
    });
  }
  assert.equal(lists, 1);
});
