import assert from "node:assert/strict";
import { test } from "node:test";
import { expiredError, invalidError, serviceUnavailableError } from "#api/api-error.ts";
import { type ConfigMap, configMap } from "#api/kinds/config-map.ts";
import type { ApiClient, TypedWatchEvent } from "./api-client.ts";
import { createInformer, type InformerOptions } from "./create-informer.ts";
import { logInformer } from "./testing/informer-log.ts";
import { createMemoryClient } from "./testing/memory-client.ts";
import { watchListClient } from "./testing/watch-list-client.ts";

const DEADLINE = { timeout: 30_000 };
const FAST = { firstMs: 2, lastMs: 10, resetMs: 1000 };

type Client = Pick<ApiClient, "list" | "watch" | "supportsWatchList">;

function informerOf(client: Client, options: Partial<InformerOptions<ConfigMap>> = {}) {
  const errors: unknown[] = [];
  const onError = (error: unknown): void => void errors.push(error);
  const informer = createInformer({ client, kind: configMap, onError, random: () => 0.5, backOff: FAST, ...options });
  return Object.assign(informer, { errors });
}

function named(name: string, data: Record<string, string> = {}) {
  return { metadata: { name, namespace: "default" }, data };
}

const at = (name: string) => ({ name, namespace: "default" });
const asked = (requests: readonly string[], verb: string) =>
  requests.filter((request) => request.startsWith(verb)).length;

test("Informer lists in pages, then follows", DEADLINE, async () => {
  const client = createMemoryClient();
  for (let index = 0; index < 1200; index++) client.put(configMap, named(`m${index}`));
  await using informer = informerOf(client);
  using log = logInformer(informer);
  assert.equal(informer.hasSynced(), false);
  await informer.synced;
  assert.equal(informer.hasSynced(), true);
  assert.equal(log.model.size, 1200);
  assert.equal(asked(client.requests, "list"), 3);
  log.lines.length = 0;
  client.put(configMap, named("new"));
  client.put(configMap, named("m7", { a: "1" }));
  client.remove(configMap, at("m8"));
  await log.until(() => log.lines.length === 3);
  assert.deepEqual(log.lines, ["add default/new", "update default/m7", "delete default/m8"]);
  assert.equal(informer.get("default", "m7")?.data?.["a"], "1");
  assert.equal(informer.get("default", "m8"), undefined);
  assert.equal(informer.list("default").length, 1200);
  assert.deepEqual(informer.list("other"), []);
});

test("Informer keeps and tells what it is told to keep, from lists and events", DEADLINE, async () => {
  const client = createMemoryClient();
  client.put(configMap, named("listed", { a: "1", b: "2" }));
  const keep = ({ data, ...object }: ConfigMap): ConfigMap => ({ ...object, data: { a: data?.["a"] ?? "" } });
  await using informer = informerOf(client, { keep });
  using log = logInformer(informer);
  await informer.synced;
  client.put(configMap, named("watched", { a: "3", b: "4" }));
  await log.until(() => log.lines.length === 2);
  assert.deepEqual(
    informer.list().map(({ data }) => data),
    [{ a: "1" }, { a: "3" }],
  );
});

test("Informer does not take half a list for the whole", DEADLINE, async () => {
  const client = createMemoryClient();
  for (let index = 0; index < 600; index++) client.put(configMap, named(`m${index}`));
  let lists = 0;
  client.fail = ({ verb }) => (verb === "list" && ++lists === 2 ? serviceUnavailableError("away") : undefined);
  await using informer = informerOf(client);
  await informer.synced;
  assert.equal(informer.list().length, 600);
  assert.equal(informer.errors.length, 1);
  assert.deepEqual(client.requests.slice(0, 4), [
    "list configmaps",
    "list configmaps",
    "list configmaps",
    "list configmaps",
  ]);
});

test("Informer lists all at once when its pages expire", DEADLINE, async () => {
  const client = createMemoryClient();
  for (let index = 0; index < 600; index++) client.put(configMap, named(`m${index}`));
  let lists = 0;
  client.fail = ({ verb }) => (verb === "list" && ++lists === 2 ? expiredError("too old") : undefined);
  await using informer = informerOf(client);
  await informer.synced;
  assert.equal(informer.list().length, 600);
  assert.equal(lists, 3);
  assert.deepEqual(informer.errors, []);
});

test("Informer resumes a watch that ended, without a list", DEADLINE, async () => {
  const client = createMemoryClient();
  client.put(configMap, named("a"));
  await using informer = informerOf(client);
  using log = logInformer(informer);
  await informer.synced;
  for (const [index, error] of [undefined, serviceUnavailableError("cut"), undefined].entries()) {
    client.put(configMap, named(`before${index}`));
    await log.until(() => log.model.has(`default/before${index}`));
    client.endWatches(error);
    client.put(configMap, named(`while${index}`));
    client.remove(configMap, at(`before${index}`));
    await log.until(() => log.model.has(`default/while${index}`) && !log.model.has(`default/before${index}`));
  }
  assert.equal(asked(client.requests, "list"), 1);
  assert.equal(informer.errors.length, 1);
});

test("Informer lists again after 410, at once, and tells what has changed meanwhile", DEADLINE, async () => {
  const client = createMemoryClient();
  for (const name of ["same", "changed", "gone", "again"]) client.put(configMap, named(name));
  // A pause would outlast the test.
  await using informer = informerOf(client, { backOff: { firstMs: 1e6, lastMs: 1e6, resetMs: 1e6 } });
  using log = logInformer(informer);
  await informer.synced;
  client.put(configMap, named("z"));
  await log.until(() => log.model.has("default/z"));
  log.lines.length = 0;
  client.endWatches(expiredError("too old"));
  client.put(configMap, named("changed", { a: "1" }));
  client.remove(configMap, at("gone"));
  client.remove(configMap, at("again"));
  client.put(configMap, named("again"));
  client.put(configMap, named("new"));
  client.compact();
  await log.until(() => log.model.has("default/new"));
  assert.deepEqual(log.lines.toSorted(), [
    "add default/again",
    "add default/new",
    "delete default/again",
    "delete default/gone",
    "update default/changed",
  ]);
  assert.deepEqual(informer.errors, []);
});

test("Informer pauses when the server forgets what it has just listed", DEADLINE, async () => {
  const client = createMemoryClient();
  let lists = 0;
  client.fail = ({ verb }) => {
    if (verb === "list") lists++;
    return verb === "watch" ? expiredError("too old") : undefined;
  };
  const informer = informerOf(client, { backOff: { firstMs: 1e6, lastMs: 1e6, resetMs: 1e6 } });
  await informer.synced;
  for (let turns = 0; turns < 50; turns++) await new Promise<void>((resolve) => setImmediate(resolve));
  assert.equal(lists, 2);
  await informer[Symbol.asyncDispose]();
});

test("Informer resumes behind the last bookmark", DEADLINE, async () => {
  const watched: (string | undefined)[] = [];
  const done = Promise.withResolvers<void>();
  const client: Client = {
    list: async () => ({ items: [], resourceVersion: "5", continue: undefined }),
    async *watch(_kind, { resourceVersion }, signal) {
      watched.push(resourceVersion);
      if (watched.length === 1) {
        yield { type: "BOOKMARK", resourceVersion: "90", endsInitialEvents: false } as const;
        yield { type: "BOOKMARK", resourceVersion: "", endsInitialEvents: false } as const;
        return;
      }
      done.resolve();
      await aborted(signal);
    },
  };
  await using _informer = informerOf(client);
  await done.promise;
  assert.deepEqual(watched, ["5", "90"]);
});

test("Informer backs off from a server that ends each watch at once", DEADLINE, async () => {
  let watches = 0;
  const client: Client = {
    list: async () => ({ items: [], resourceVersion: "5", continue: undefined }),
    async *watch() {
      watches++;
      const none: TypedWatchEvent<never>[] = [];
      yield* none;
    },
  };
  const informer = informerOf(client, { backOff: { firstMs: 1e6, lastMs: 1e6, resetMs: 1e6 } });
  await informer.synced;
  for (let turns = 0; turns < 20; turns++) await new Promise<void>((resolve) => setImmediate(resolve));
  assert.equal(watches, 1);
  assert.match(String(informer.errors[0]), /watch of configmaps ended at once/);
  await informer[Symbol.asyncDispose]();
});

test("Informer goes on when the server is away at first", DEADLINE, async () => {
  const client = createMemoryClient();
  client.put(configMap, named("a"));
  let failures = 5;
  client.fail = () => (failures-- > 0 ? serviceUnavailableError("away") : undefined);
  await using informer = informerOf(client);
  await informer.synced;
  assert.equal(informer.errors.length, 5);
  assert.equal(informer.list().length, 1);
});

test("Informer tells the other handlers when one throws", DEADLINE, async () => {
  const client = createMemoryClient();
  await using informer = informerOf(client);
  await informer.synced;
  informer.subscribe({
    onAdd() {
      throw new Error("bad handler");
    },
  });
  using log = logInformer(informer);
  client.put(configMap, named("a"));
  client.put(configMap, named("a", { a: "1" }));
  await log.until(() => log.lines.length === 2);
  assert.deepEqual(log.lines, ["add default/a", "update default/a"]);
  assert.equal(informer.errors.length, 1);
});

test(
  "Informer.subscribe tells what is there once, also from inside a handler, and nothing behind disposal",
  DEADLINE,
  async () => {
    const client = createMemoryClient();
    client.put(configMap, named("a"));
    await using informer = informerOf(client);
    await informer.synced;
    const inner: string[] = [];
    const outer: string[] = [];
    const subscription = informer.subscribe({
      onAdd: ({ metadata: { name } }) => void outer.push(name ?? ""),
      onUpdate() {
        informer.subscribe({
          onAdd: ({ metadata: { name } }) => void inner.push(`add ${name}`),
          onUpdate: ({ metadata: { name } }) => void inner.push(`update ${name}`),
        });
        subscription[Symbol.dispose]();
      },
    });
    using log = logInformer(informer);
    client.put(configMap, named("a", { a: "1" }));
    client.put(configMap, named("b"));
    await log.until(() => log.model.has("default/b"));
    assert.deepEqual(outer, ["a"]);
    assert.deepEqual(inner, ["add a", "add b"]);
  },
);

test("Informer keeps to its selectors, and finds by its indexes", DEADLINE, async () => {
  const client = createMemoryClient();
  const query = { namespace: "default", labelSelector: "app=web" };
  const owners = ({ data }: ConfigMap): readonly string[] => (data?.["owner"] === undefined ? [] : [data["owner"]]);
  await using informer = informerOf(client, { query, indexes: { owner: owners } });
  using log = logInformer(informer);
  await informer.synced;
  const labels = { app: "web" };
  client.put(configMap, { metadata: { name: "a", namespace: "default", labels }, data: { owner: "x" } });
  client.put(configMap, { metadata: { name: "b", namespace: "other", labels } });
  client.put(configMap, { metadata: { name: "a", namespace: "default" } });
  client.put(configMap, { metadata: { name: "c", namespace: "default", labels }, data: { owner: "y" } });
  await log.until(() => log.model.has("default/c"));
  assert.deepEqual(log.lines, ["add default/a", "delete default/a", "add default/c"]);
  assert.deepEqual(informer.byIndex("owner", "x"), []);
  assert.equal(informer.byIndex("owner", "y")[0]?.metadata.name, "c");
});

test("Informer's disposal ends a list or a watch that hangs, and rejects synced", DEADLINE, async () => {
  const hanging: Client = {
    async list(_kind, _query, signal) {
      await aborted(signal);
      throw signal.reason;
    },
    async *watch() {
      yield* [];
    },
  };
  const informer = informerOf(hanging);
  const { synced } = informer;
  await informer[Symbol.asyncDispose]();
  await assert.rejects(synced, /informer of configmaps was closed/);
  assert.deepEqual(informer.errors, []);
  const client = createMemoryClient();
  const watching = informerOf(client);
  await watching.synced;
  await watching[Symbol.asyncDispose]();
  await watching.synced;
  assert.deepEqual(watching.errors, []);
});

async function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => resolve());
  await promise;
}

test(
  "Informer watches from the start where the server can, and again when it has lost its place",
  DEADLINE,
  async () => {
    const client = createMemoryClient();
    for (const name of ["a", "b"]) client.put(configMap, named(name));
    await using informer = informerOf(watchListClient(client), { keep: ({ data: _data, ...object }) => object });
    using log = logInformer(informer);
    await informer.synced;
    assert.deepEqual(log.lines, ["add default/a", "add default/b"]);
    client.put(configMap, named("c", { x: "1" }));
    await log.until(() => log.lines.length === 3);
    assert.equal(informer.get("default", "c")?.data, undefined);
    client.remove(configMap, at("a"));
    client.put(configMap, named("d"));
    await log.until(() => log.lines.length === 5);
    client.compact();
    client.endWatches(expiredError("too old"));
    client.put(configMap, named("e"));
    await log.until(() => log.lines.includes("add default/e"));
    assert.deepEqual(log.lines.slice(3), ["delete default/a", "add default/d", "add default/e"]);
    assert.deepEqual(informer.errors, []);
  },
);

test("Informer deletes nothing before all objects have come", DEADLINE, async () => {
  const memory = createMemoryClient();
  for (const name of ["a", "b"]) memory.put(configMap, named(name));
  const whole = watchListClient(memory);
  let isCut = false;
  let cuts = 0;
  const twice = Promise.withResolvers<void>();
  const client: Client = {
    ...whole,
    async *watch(kind, query, signal) {
      for await (const event of whole.watch(kind, query, signal)) {
        if (isCut) {
          cuts += 1;
          if (cuts === 2) twice.resolve();
          return;
        }
        yield event;
      }
    },
  };
  await using informer = informerOf(client);
  using log = logInformer(informer);
  memory.put(configMap, named("c"));
  await log.until(() => log.lines.length === 3);
  isCut = true;
  memory.endWatches(expiredError("too old"));
  await twice.promise;
  assert.match(String(informer.errors[0]), /ended before all of them had come/);
  assert.deepEqual(log.lines, ["add default/a", "add default/b", "add default/c"]);
  isCut = false;
  memory.put(configMap, named("d"));
  await log.until(() => log.lines.length === 4);
});

test("Informer lists when the server refuses to begin a watch with all objects", DEADLINE, async () => {
  const memory = createMemoryClient();
  memory.put(configMap, named("a"));
  let refusals = 0;
  const client: Client = {
    get supportsWatchList() {
      return refusals === 0;
    },
    list: memory.list,
    async *watch(kind, query, signal) {
      if (query.sendInitialEvents !== true) return yield* memory.watch(kind, query, signal);
      refusals += 1;
      throw invalidError({ group: "meta.k8s.io", kind: "ListOptions" }, "", []);
    },
  };
  await using informer = informerOf(client);
  await informer.synced;
  assert.equal(informer.list().length, 1);
  assert.deepEqual([refusals, informer.errors], [1, []]);
});
