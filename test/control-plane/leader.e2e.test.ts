/**
 * Two whole control planes on one etcd. The leader is killed, or stopped and continued, while workloads are created:
 * the other takes over and finishes the work, and etcd's history shows that no two ever wrote at once.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createEtcdServer, etcdMissing } from "#control-plane/store/conformance/etcd-server.ts";
import type { ApiCaller } from "./api-caller.ts";
import { checkTerms, type EtcdHistory, watchEtcd } from "./etcd-history.ts";
import { createPlaneFolder, type PlaneFolder } from "./plane.ts";
import { buildProcessBundle } from "./process-bundle.ts";
import { type Leader, startLeader } from "./start-leader.ts";

const skip = etcdMissing ?? false;
const LEASE_MS = 3_000;
const REPLICAS = 3;
/** More than a leader can work off before it is killed, and no more than that. */
const DEPLOYMENTS = 60;
const APPS = "/apis/apps/v1/namespaces/default/deployments";

interface World extends AsyncDisposable {
  readonly history: EtcdHistory;
  start(name: string): Promise<Leader>;
  callerOf(leader: Leader): ApiCaller;
}

async function createWorld(): Promise<World> {
  await using stack = new AsyncDisposableStack();
  const etcd = stack.use(await createEtcdServer());
  await etcd.start();
  const history = stack.use(watchEtcd(etcd.endpoint));
  const folder: PlaneFolder = stack.use(await createPlaneFolder());
  const script = await buildProcessBundle(folder.path, "leader-process.ts");
  const parts = stack.move();
  return {
    history,
    async start(name) {
      const options = { name, directory: `${folder.path}/data`, folder: folder.path };
      return parts.use(await startLeader(script, { ...options, etcd: etcd.endpoint, leaseDurationMs: LEASE_MS }));
    },
    callerOf: (leader) => parts.use(folder.callerOf(leader.port)),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

async function createNodes(caller: ApiCaller): Promise<void> {
  for (const name of ["n1", "n2"]) {
    const allocatable = { cpu: "100", memory: "100Gi", pods: "1000" };
    const status = { allocatable, capacity: allocatable, conditions: [{ type: "Ready", status: "True" }] };
    const reply = await caller.call("POST", "/api/v1/nodes", { body: JSON.stringify({ metadata: { name }, status }) });
    assert.equal(reply.status, 201, reply.text);
  }
}

async function createDeployment(caller: ApiCaller, name: string): Promise<void> {
  const labels = { app: name };
  const container = { name: "main", image: "example.com/web" };
  const template = { metadata: { labels }, spec: { containers: [container] } };
  const spec = { replicas: REPLICAS, selector: { matchLabels: labels }, template };
  const reply = await caller.call("POST", APPS, { body: JSON.stringify({ metadata: { name }, spec }) });
  assert.equal(reply.status, 201, reply.text);
}

/** Creates deployments one after the other, until it is told to stop or there are enough; gives their names. */
function createMany(caller: ApiCaller, prefix: string) {
  const names: string[] = [];
  const stop = new AbortController();
  const running = (async () => {
    while (!stop.signal.aborted && names.length < DEPLOYMENTS) {
      const name = `${prefix}${names.length}`;
      await createDeployment(caller, name);
      names.push(name);
    }
  })();
  // When the test has failed before, nobody waits for it.
  running.catch(() => undefined);
  return {
    async stop(): Promise<readonly string[]> {
      stop.abort();
      await running;
      return names;
    },
  };
}

/** The nodes of each app's pods. */
function podsOf(state: ReadonlyMap<string, string>): ReadonlyMap<string, readonly (string | undefined)[]> {
  const pods = [...state].flatMap(([key, value]) =>
    key.startsWith("/registry/core/pods/") ? [JSON.parse(value)] : [],
  );
  const byApp = Map.groupBy(pods, ({ metadata }) => String(metadata.labels.app));
  return new Map([...byApp].map(([app, own]) => [app, own.map(({ spec }) => spec.nodeName)]));
}

const countKeys = (state: ReadonlyMap<string, string>, prefix: string): number =>
  [...state.keys()].filter((key) => key.startsWith(prefix)).length;

const pods = (state: ReadonlyMap<string, string>): number => countKeys(state, "/registry/core/pods/");

/** Every app has its pods, no more and no less, all of them with a node, and one ReplicaSet. */
async function untilComplete(history: EtcdHistory, names: readonly string[]): Promise<void> {
  await history.until(`${REPLICAS} bound pods of each of ${names.length} deployments`, (state) => {
    if (pods(state) !== names.length * REPLICAS) return false;
    if (countKeys(state, "/registry/apps/replicasets/") !== names.length) return false;
    const apps = podsOf(state);
    return names.every((name) => apps.get(name)?.length === REPLICAS && !apps.get(name)?.includes(undefined));
  });
}

test("a leader that is killed under load is followed by the other, and the work is done once", {
  skip,
  timeout: 180_000,
}, async () => {
  await using world = await createWorld();
  const { history } = world;
  const first = await world.start("first");
  await first.next("leading");
  const second = await world.start("second");
  const caller = world.callerOf(second);
  await createNodes(caller);
  const load = createMany(caller, "web");
  await history.until("the first pods", (state) => pods(state) >= 10);
  first.kill("SIGKILL");
  const { term } = await second.next("leading");
  await first.ended;
  const atTakeover = history.events.length;
  await history.until("pods of the second leader", () => {
    const later = history.events.slice(atTakeover);
    return later.filter(({ key, type }) => type === "put" && key.startsWith("/registry/core/pods/")).length >= 10;
  });
  await untilComplete(history, await load.stop());
  const { began, writes } = checkTerms(history.events, [...first.intents(), ...second.intents()]);
  assert.ok(began.length >= 2 && began.includes(term), `terms ${began}`);
  // On a machine that is busy terms may be short, and some of them without a write.
  assert.ok(writes.filter((count) => count > 0).length >= 2, `writes of the terms: ${writes}`);
});

test("a leader that is stopped and continued cannot write any more, and may lead again later", {
  skip,
  timeout: 180_000,
}, async () => {
  await using world = await createWorld();
  const { history } = world;
  const first = await world.start("first");
  await first.next("leading");
  const second = await world.start("second");
  const caller = world.callerOf(second);
  await createNodes(caller);
  const load = createMany(caller, "web");
  await history.until("the first pods", (state) => pods(state) >= 10);
  first.tell("hold");
  const { key } = await first.next("held");
  first.kill("SIGSTOP");
  await second.next("leading");
  // On its way since before: whatever the first leader learns now, it comes too late.
  first.tell("go");
  first.kill("SIGCONT");
  assert.equal((await first.next("outcome")).text, "fenced", key);
  await first.next("not leading");
  await untilComplete(history, await load.stop());
  second.kill("SIGKILL");
  await first.next("leading");
  const again = createMany(world.callerOf(first), "again");
  await history.until("pods of the third term", (state) =>
    [...podsOf(state).keys()].some((app) => app.startsWith("again")),
  );
  const names = await again.stop().catch((cause: unknown) => {
    throw new Error(first.ending() ?? "the first leader runs", { cause });
  });
  await history.until("all pods of the third term", (state) =>
    names.every((name) => podsOf(state).get(name)?.length === REPLICAS),
  );
  const { began } = checkTerms(history.events, [...first.intents(), ...second.intents()]);
  assert.ok(began.length >= 3, `terms ${began}`);
});
