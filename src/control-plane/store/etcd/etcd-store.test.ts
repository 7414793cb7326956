import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { createEtcdServer, type EtcdServer, etcdMissing } from "../conformance/etcd-server.ts";
import { testStore } from "../conformance/store-conformance.ts";
import { keysOf, never, put } from "../conformance/store-fixture.ts";
import { recordWatch } from "../conformance/watch-recorder.ts";
import { rejection } from "../conformance/writes.ts";
import { isStoreError, type Store } from "../store.ts";
import { parseEtcdEndpoints } from "./endpoints.ts";
import { createEtcdStore } from "./etcd-store.ts";

const PODS = "/registry/core/pods/";
const options = { skip: etcdMissing ?? false, timeout: 120_000 };

let server: EtcdServer;
if (etcdMissing === undefined) {
  before(async () => {
    server = await createEtcdServer();
    await server.start();
  });
  after(() => server[Symbol.asyncDispose]());
}

function open(prefix = `/${randomUUID()}`): Store {
  return createEtcdStore({ endpoints: [server.endpoint], prefix });
}

testStore({ name: "etcd", skip: etcdMissing, open: async () => open() });

test(
  "createEtcdStore keeps clusters with different prefixes apart, and its revisions the same for both",
  options,
  async () => {
    await using one = open("/one");
    await using two = open("/one-and-a-half");
    using watch = recordWatch(two, "/registry/", await two.currentRevision(never));
    const revision = await put(one, `${PODS}a`, "1", 0);
    assert.equal(await two.currentRevision(never), revision);
    assert.deepEqual([await keysOf(one, "/registry/"), await keysOf(two, "/registry/")], [[`${PODS}a`], []]);
    assert.equal(await two.get(`${PODS}a`, never), undefined);
    await watch.reached(revision);
    assert.deepEqual(watch.events, []);
  },
);

test(
  "createEtcdStore with one prefix twice: both see each other's writes, and only one of two wins",
  options,
  async () => {
    const prefix = `/${randomUUID()}`;
    await using one = open(prefix);
    await using two = open(prefix);
    using watch = recordWatch(two, PODS, await two.currentRevision(never));
    const wins = await Promise.allSettled([put(one, `${PODS}a`, '"one"', 0), put(two, `${PODS}a`, '"two"', 0)]);
    assert.deepEqual(wins.map(({ status }) => status).toSorted(), ["fulfilled", "rejected"]);
    const there = await one.get(`${PODS}a`, never);
    await watch.reached(there?.revision ?? 0);
    assert.deepEqual(
      watch.events.map(({ key, revision }) => ({ key, revision })),
      [{ key: `${PODS}a`, revision: there?.revision }],
    );
  },
);

test("watch from long ago catches up by itself and then goes on with the others", options, async () => {
  await using store = open();
  const start = await store.currentRevision(never);
  using whole = recordWatch(store, PODS, start);
  const value = `"${"x".repeat(1_000_000)}"`;
  let revision = 0;
  for (let index = 0; index < 12; index++) revision = await put(store, `${PODS}a`, value, revision);
  await whole.reached(revision);
  const late = Array.from({ length: 12 }, (_, index) => recordWatch(store, PODS, start + index));
  for (let index = 0; index < 3; index++) revision = await put(store, `${PODS}a`, "1", revision);
  for (const [index, watch] of late.entries()) {
    using recorder = watch;
    await recorder.reached(revision);
    assert.equal(recorder.events.length, 15 - index);
  }
});

test("calls reject with unavailable at the deadline when nobody listens", options, async () => {
  await using store = createEtcdStore({ endpoints: ["127.0.0.1:1"], timeoutMs: 200 });
  using watch = store.watch(PODS, 0, { onEvents() {}, onEnd() {} });
  assert.ok(watch !== undefined);
  const calls = [
    store.get(`${PODS}a`, never),
    store.list({ prefix: PODS }, never),
    put(store, `${PODS}a`, "1", 0),
    store.currentRevision(never),
    store.compact(5, never),
  ];
  for (const error of await Promise.all(calls.map(rejection))) {
    assert.ok(isStoreError(error, "unavailable"), String(error));
    assert.match(error.message, /no endpoint can be reached/);
  }
});

test("calls go to another endpoint when one is not there", options, async () => {
  await using store = createEtcdStore({ endpoints: ["127.0.0.1:1", server.endpoint], prefix: `/${randomUUID()}` });
  const revision = await put(store, `${PODS}a`, "1", 0);
  using watch = recordWatch(store, PODS, revision - 1);
  await watch.reached(revision);
  assert.equal(watch.events.length, 1);
});

test("a value that is too large for etcd is rejected with what to do", options, async () => {
  await using store = open();
  const large = put(store, `${PODS}a`, `"${"x".repeat(2_000_000)}"`, 0);
  await assert.rejects(large, { code: "unavailable", message: /too large for etcd: raise its --max-request-bytes/ });
});

test("keys outside /registry/ are a mistake of the caller", options, async () => {
  await using store = open();
  await assert.rejects(store.get("/other/key", never), RangeError);
});

test("parseEtcdEndpoints", async (t) => {
  const good: readonly [string, readonly string[]][] = [
    ["etcd://127.0.0.1:2379", ["127.0.0.1:2379"]],
    ["etcd://a.example:1,[::1]:65535", ["a.example:1", "[::1]:65535"]],
  ];
  for (const [text, endpoints] of good) {
    await t.test(`reads ${text}`, () => assert.deepEqual(parseEtcdEndpoints(text), endpoints));
  }
  const bad = [
    "",
    "etcd://",
    "etcd://host",
    "etcd://host:0",
    "etcd://host:70000",
    "http://h:1",
    "etcd://h:1,",
    "etcd://h:1/x",
  ];
  for (const text of bad)
    await t.test(`rejects "${text}"`, () => assert.throws(() => parseEtcdEndpoints(text), RangeError));
});
