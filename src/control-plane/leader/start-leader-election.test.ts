import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { serviceUnavailableError } from "#api/api-error.ts";
import { lease as leaseKind } from "#api/kinds/lease.ts";
import { createLocalApi } from "../resources/testing/local-api.ts";
import { createEtcdServer, type EtcdServer, etcdMissing } from "../store/conformance/etcd-server.ts";
import { createEtcdStore } from "../store/etcd/etcd-store.ts";
import { createSqliteStore } from "../store/sqlite/sqlite-store.ts";
import { testElection } from "./testing/election-tests.ts";
import { LEASE, startCandidate } from "./testing/test-candidate.ts";

let server: EtcdServer;
if (etcdMissing === undefined) {
  before(async () => {
    server = await createEtcdServer();
    await server.start();
  });
  after(() => server[Symbol.asyncDispose]());
}

testElection({
  name: "sqlite",
  async open() {
    const store = createSqliteStore({ path: ":memory:" });
    return [store, store];
  },
});

testElection({
  name: "etcd",
  skip: etcdMissing,
  async open() {
    const prefix = `/${randomUUID()}`;
    const open = () => createEtcdStore({ endpoints: [server.endpoint], prefix });
    return [open(), open()];
  },
});

test("etcd: a leader whose store is gone stops before others may lead", {
  skip: etcdMissing ?? false,
  timeout: 60_000,
}, async () => {
  const prefix = `/${randomUUID()}`;
  const open = () => createEtcdStore({ endpoints: [server.endpoint], prefix });
  await using one = open();
  await using two = open();
  await using a = startCandidate(one, "a");
  const first = await a.leading();
  await using b = startCandidate(two, "b");
  await b.clock.sleeping();
  await one[Symbol.asyncDispose]();
  await a.pass(9_000);
  assert.equal(a.isLeader(), true);
  await a.pass(3_000);
  assert.ok(first.signal.aborted);
  assert.equal(b.terms.length, 0);
  await b.pass(18_000);
  await (await b.leading()).write();
});

test("startLeaderElection alone takes a lease that was left behind at once", async () => {
  await using store = createSqliteStore({ path: ":memory:" });
  {
    const dead = startCandidate(store, "dead");
    await dead.leading();
    // Killed: it never releases its lease.
  }
  await using alone = startCandidate(store, "alive", { isAlone: true });
  const term = await alone.leading();
  await term.write();
  assert.equal(alone.clock.elapsedMs(), 0);
});

test("startLeaderElection ends a term that cannot begin, and tries again", async () => {
  await using store = createSqliteStore({ path: ":memory:" });
  let attempts = 0;
  const began = Promise.withResolvers<void>();
  await using candidate = startCandidate(store, "a", {
    async lead() {
      attempts++;
      if (attempts === 1) throw new Error("no luck");
      began.resolve();
      return { [Symbol.asyncDispose]: async () => undefined };
    },
  });
  await candidate.clock.sleeping();
  assert.match(candidate.errors.join(), /cannot lead: Error: no luck/);
  await candidate.pass(3_000);
  await began.promise;
  assert.equal(attempts, 2);
});

test("startLeaderElection goes on when the API is away at first", async () => {
  await using store = createSqliteStore({ path: ":memory:" });
  await using local = createLocalApi(store);
  const client = local.client();
  let isAway = true;
  await using candidate = startCandidate(store, "a", {
    client: {
      ...client,
      async get(kind, name, signal) {
        if (isAway) throw serviceUnavailableError("away");
        return await client.get(kind, name, signal);
      },
    },
  });
  await candidate.pass(10_000);
  assert.equal(candidate.isLeader(), false);
  assert.ok(candidate.errors.length >= 4);
  isAway = false;
  await candidate.pass(3_000);
  await (await candidate.leading()).write();
});

test("startLeaderElection waits for its work to stop before it releases the lease", async () => {
  await using store = createSqliteStore({ path: ":memory:" });
  const holders: (string | undefined)[] = [];
  await using observer = startCandidate(store, "observer", { lease: { namespace: "kube-system", name: "other" } });
  const never = new AbortController().signal;
  const holder = async () => (await observer.client.get(leaseKind, LEASE, never)).spec?.holderIdentity;
  const began = Promise.withResolvers<void>();
  const candidate = startCandidate(store, "a", {
    async lead({ signal }) {
      began.resolve();
      return {
        async [Symbol.asyncDispose]() {
          assert.ok(signal.aborted);
          holders.push(await holder());
        },
      };
    },
  });
  await began.promise;
  await candidate[Symbol.asyncDispose]();
  holders.push(await holder());
  assert.deepEqual(holders, ["a", ""]);
});
