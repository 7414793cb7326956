/** What holds for the numbers of Services when two API servers give them from one store at the same time. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { isApiError } from "#api/api-error.ts";
import { namespace } from "#api/kinds/namespace.ts";
import { type Service, service } from "#api/kinds/service/service.ts";
import { kinds as builtIn } from "#api/kinds.ts";
import { parsePrefix } from "#base/ip-address.ts";
import type { JsonObject } from "#base/json.ts";
import { createAdmission } from "../admission/admission.ts";
import { createWatchCaches } from "../cache/watch-caches.ts";
import { createResourceApi } from "../resources/create-resource-api.ts";
import { createKindRegistry } from "../resources/kind-registry.ts";
import { asKind } from "../resources/stored-object.ts";
import { context, countingRandom, rejects } from "../resources/testing/test-api.ts";
import { createEtcdServer, type EtcdServer, etcdMissing } from "../store/conformance/etcd-server.ts";
import { createEtcdStore } from "../store/etcd/etcd-store.ts";
import { createSqliteStore } from "../store/sqlite/sqlite-store.ts";
import type { Store } from "../store/store.ts";
import { startServiceReservations } from "./service-reservations.ts";

let etcd: EtcdServer;
if (etcdMissing === undefined) {
  before(async () => {
    etcd = await createEtcdServer();
    await etcd.start();
  });
  after(() => etcd[Symbol.asyncDispose]());
}

const ranges = {
  serviceCidrs: [parsePrefix("10.96.0.0/26"), parsePrefix("fd00:96::/122")],
  nodePorts: { first: 30_000, last: 30_099 },
};

/** One API server. All of them choose alike: whatever can collide does. */
async function startServer(store: Store) {
  await using stack = new AsyncDisposableStack();
  const caches = stack.use(createWatchCaches(store));
  const running = new AbortController();
  stack.defer(() => running.abort());
  const random = countingRandom();
  const reservations = await startServiceReservations(
    {
      services: caches.of(service),
      isSoleWriter: store.isSoleWriter,
      random,
      ranges,
      onShared: (shared) => assert.fail(JSON.stringify(shared)),
      onLost: (error) => assert.fail(String(error)),
    },
    running.signal,
  );
  const api = createResourceApi({
    kinds: createKindRegistry(builtIn),
    caches: (kind) => caches.of(kind),
    admission: createAdmission([]),
    reservations,
    tokenIssuer: { issue: () => assert.fail("there are no tokens") },
    reviews: { answer: async () => undefined },
    clock: () => new Date(),
    random,
  });
  const targetOf = (name?: string) => ({ kind: service, namespace: "default", name, subresource: "" });
  const parts = stack.move();
  return {
    async create(name: string, spec: JsonObject = {}): Promise<Service> {
      const body = { metadata: { name }, spec: { ports: [{ port: 80 }], ...spec } };
      return asKind(service, await api.create(targetOf(), body, context()));
    },
    async change(name: string, spec: JsonObject): Promise<Service> {
      const { object } = await api.patch(targetOf(name), { type: "merge", patch: { spec } }, context());
      return asKind(service, object);
    },
    remove: (name: string) => api.delete(targetOf(name), {}, context()),
    async all(): Promise<readonly Service[]> {
      return (await api.list(targetOf(), {}, context())).items.map((item) => asKind(service, item));
    },
    createNamespace: () =>
      api.create(
        { kind: namespace, namespace: undefined, name: undefined, subresource: "" },
        { metadata: { name: "default" } },
        context(),
      ),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

type Server = Awaited<ReturnType<typeof startServer>>;

function numbersOf({ spec }: Service): readonly string[] {
  return [...(spec.clusterIPs ?? []), ...(spec.ports ?? []).flatMap(({ nodePort }) => nodePort ?? [])].map(String);
}

function assertUnique(services: readonly Service[]): void {
  const owners = new Map<string, string>();
  for (const one of services) {
    for (const number of new Set(numbersOf(one))) {
      assert.equal(owners.get(number), undefined, `${number} is also of ${one.metadata.name}`);
      owners.set(number, one.metadata.name ?? "");
    }
  }
}

interface Fixture {
  readonly name: string;
  readonly skip?: string | undefined;
  /** Two ways to one and the same empty store. */
  open(): readonly [Store, Store];
}

const fixtures: readonly Fixture[] = [
  {
    name: "SQLite, as if it were not the only one",
    open() {
      const store = { ...createSqliteStore({ path: ":memory:" }), isSoleWriter: false };
      return [store, store];
    },
  },
  {
    name: "etcd",
    skip: etcdMissing,
    open() {
      const prefix = `/${randomUUID()}`;
      const open = () => createEtcdStore({ endpoints: [etcd.endpoint], prefix });
      return [open(), open()];
    },
  },
];

for (const { name, skip = false, open } of fixtures) {
  const serverTest = (title: string, run: (a: Server, b: Server) => Promise<void>): void => {
    test(`${name}: ${title}`, { skip, timeout: 60_000 }, async () => {
      await using stack = new AsyncDisposableStack();
      const stores = open();
      for (const store of stores) stack.use(store);
      const a = stack.use(await startServer(stores[0]));
      const b = stack.use(await startServer(stores[1]));
      await a.createNamespace();
      await run(a, b);
    });
  };

  serverTest("services that two servers create at once share nothing, and the range can be used up", async (a, b) => {
    const exposed = { type: "NodePort", ipFamilyPolicy: "RequireDualStack" };
    const names = Array.from({ length: 62 }, (_, index) => `s${index}`);
    const made = await Promise.all(names.map((each, index) => (index % 2 === 0 ? a : b).create(each, exposed)));
    assert.ok(made.every((each) => numbersOf(each).length === 3));
    assertUnique(made);
    for (const server of [a, b]) {
      assert.equal((await server.all()).length, names.length);
      await rejects(server.create("more"), { code: 500, message: /range is full$/ });
    }
  });

  serverTest("of two who ask for one number, one gets it", async (a, b) => {
    for (let round = 0; round < 10; round++) {
      const spec = { type: "NodePort", clusterIP: "10.96.0.9", ports: [{ port: 80, nodePort: 30_050 }] };
      const outcomes = await Promise.allSettled([a.create("a", spec), b.create("b", spec)]);
      const lost = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason] : []));
      assert.equal(lost.length, 1);
      assert.ok(isApiError(lost[0], "Invalid") && /already allocated/.test(lost[0].message), String(lost[0]));
      // What goes on one server is free on the other at once.
      const winner = outcomes[0].status === "fulfilled" ? "a" : "b";
      await (round % 2 === 0 ? a : b).remove(winner);
    }
  });

  serverTest("whatever two servers do to services at once, no number has two owners", async (a, b) => {
    const random = countingRandom();
    const names = Array.from({ length: 12 }, (_, index) => `s${index}`);
    const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] ?? assert.fail();
    const port = (): JsonObject => ({ ports: [{ port: 80, nodePort: 30_000 + Math.floor(random() * 10) }] });
    const steps: readonly ((server: Server, name: string) => Promise<unknown>)[] = [
      (server, each) => server.create(each, { type: "NodePort" }),
      (server, each) => server.create(each, { clusterIP: `10.96.0.${1 + Math.floor(random() * 10)}` }),
      (server, each) => server.change(each, { type: "NodePort", ...port() }),
      (server, each) => server.change(each, { type: "ClusterIP" }),
      (server, each) => server.change(each, { ipFamilyPolicy: "RequireDualStack" }),
      (server, each) => server.change(each, { ipFamilyPolicy: "SingleStack" }),
      (server, each) => server.remove(each),
    ];
    let done = 0;
    const lane = async (server: Server): Promise<void> => {
      for (let turn = 0; turn < 40; turn++) {
        try {
          await pick(steps)(server, pick(names));
          done += 1;
        } catch (error) {
          // Others did it first, or have the number.
          assert.ok(isApiError(error) && [404, 409, 422].includes(error.code), String(error));
        }
        if (turn % 10 === 0) assertUnique(await server.all());
      }
    };
    await Promise.all([a, b, a, b].map(lane));
    assertUnique(await a.all());
    assert.ok(done > 20, `only ${done} steps came to something`);
  });
}
