import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "#api/kind.ts";
import { service } from "#api/kinds/service/service.ts";
import { parsePrefix } from "#base/ip-address.ts";
import type { JsonObject } from "#base/json.ts";
import type { Reservations } from "../resources/resource-deps.ts";
import { asKind } from "../resources/stored-object.ts";
import { context, copyOf, countingRandom, createTestApi, rejects } from "../resources/testing/test-api.ts";
import type { SharedNumber } from "./service-numbers.ts";
import { startServiceReservations } from "./service-reservations.ts";

const ranges = {
  serviceCidrs: [parsePrefix("10.96.0.0/28"), parsePrefix("fd00:96::/124")],
  nodePorts: { first: 30_000, last: 30_009 },
};

/** The API is made first, as its caches are what the reservations follow. */
async function createServices() {
  let reservations: Reservations | undefined;
  const late: Reservations = {
    handles: (kind) => reservations?.handles(kind) ?? false,
    turn: async (signal) => await reservations?.turn(signal),
    reserve: (next, old) => reservations?.reserve(next, old) ?? assert.fail("not started"),
  };
  const world = await createTestApi({ deps: { reservations: late } });
  const shared: SharedNumber[] = [];
  const start = async () => {
    reservations = await startServiceReservations(
      {
        services: world.caches(service),
        isSoleWriter: true,
        random: countingRandom(),
        ranges,
        onShared: (found) => shared.push(...found),
        onLost: (error) => assert.fail(String(error)),
      },
      world.signal,
    );
  };
  const place = world.target("services");
  const create = async (name: string, spec: JsonObject = {}, options = {}) =>
    asKind(
      service,
      await world.api.create(
        place,
        { metadata: { name }, spec: { ports: [{ port: 80 }], selector: { app: "web" }, ...spec } },
        context(options),
      ),
    );
  return { ...world, create, start, shared, named: (name: string) => world.target("services", name) };
}

async function started() {
  const world = await createServices();
  await world.start();
  return world;
}

test("a service gets an address, and another gets another", async () => {
  const { create } = await started();
  const [a, b] = [await create("a"), await create("b")];
  assert.match(a.spec.clusterIP ?? "", /^10\.96\.0\.\d+$/);
  assert.deepEqual(a.spec.clusterIPs, [a.spec.clusterIP]);
  assert.deepEqual([a.spec.ipFamilies, a.spec.ipFamilyPolicy], [["IPv4"], "SingleStack"]);
  assert.notEqual(a.spec.clusterIP, b.spec.clusterIP);
});

test("services that are created at once share no address and no node port", async () => {
  const { create } = await started();
  const names = Array.from({ length: 10 }, (_, index) => `s${index}`);
  const made = await Promise.all(
    names.map((name) => create(name, { type: "NodePort", ipFamilyPolicy: "RequireDualStack" })),
  );
  const given: readonly (readonly (string | number | undefined)[])[] = [
    made.map(({ spec }) => spec.clusterIPs?.[0]),
    made.map(({ spec }) => spec.clusterIPs?.[1]),
    made.map(({ spec }) => spec.ports?.[0]?.nodePort),
  ];
  for (const values of given) {
    assert.equal(new Set(values).size, names.length);
    assert.ok(values.every((value) => value !== undefined));
  }
});

test("a full range gives nothing, until a service goes", async () => {
  const { create, api, named } = await started();
  const names = Array.from({ length: 14 }, (_, index) => `s${index}`);
  for (const name of names) await create(name);
  await rejects(create("more"), {
    code: 500,
    message: "Internal error occurred: failed to allocate a serviceIP: range is full",
  });
  const gone = asKind(service, (await api.delete(named("s3"), {}, context())).object);
  assert.equal((await create("more")).spec.clusterIP, gone.spec.clusterIP);
});

const refused: readonly { readonly title: string; readonly spec: JsonObject; readonly message: string }[] = [
  {
    title: "a taken address",
    spec: { clusterIP: "10.96.0.10" },
    message:
      'Service "b" is invalid: spec.clusterIPs: Invalid value: ["10.96.0.10"]: failed to allocate IP 10.96.0.10: provided IP is already allocated',
  },
  {
    title: "an address outside of the range",
    spec: { clusterIP: "10.1.0.1" },
    message:
      'Service "b" is invalid: spec.clusterIPs: Invalid value: ["10.1.0.1"]: failed to allocate IP 10.1.0.1: provided IP is not in the valid range. The range of valid IPs is 10.96.0.0/28',
  },
  {
    title: "a taken node port",
    spec: { type: "NodePort", ports: [{ port: 80, nodePort: 30_001 }] },
    message: 'Service "b" is invalid: spec.ports[0].nodePort: Invalid value: 30001: provided port is already allocated',
  },
  {
    title: "a node port outside of the range",
    spec: { type: "NodePort", ports: [{ port: 80, nodePort: 80 }] },
    message:
      'Service "b" is invalid: spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-30009',
  },
  {
    title: "an address that is none, and the rest of what is wrong",
    spec: { clusterIP: "x", sessionAffinity: "ClientIP", ports: [] },
    message:
      'Service "b" is invalid: [spec.ports: Required value, spec.clusterIPs[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)]',
  },
];
for (const { title, spec, message } of refused) {
  test(`a service is refused for ${title}, and takes nothing`, async () => {
    const { create } = await started();
    await create("a", { clusterIP: "10.96.0.10", type: "NodePort", ports: [{ port: 80, nodePort: 30_001 }] });
    await rejects(create("b", spec), { code: 422, message });
    const names = Array.from({ length: 9 }, (_, index) => `s${index}`);
    for (const name of names) await create(name, { type: "NodePort" });
  });
}

test("what is written is given back when the write fails, or after a dry run", async () => {
  const { create, store } = await started();
  store.failNext("unavailable", "before");
  await rejects(create("a", { clusterIP: "10.96.0.10" }), { code: 503 });
  // Nobody knows until the watch goes on whether it was written.
  await rejects(create("a", { clusterIP: "10.96.0.10" }), { code: 422 });
  await create("other");
  await create("a", { clusterIP: "10.96.0.10" });
  store.beforeWrite = async () => "conflict";
  await rejects(create("b", { clusterIP: "10.96.0.11" }), { code: 409 });
  store.beforeWrite = undefined;
  await create("b", { clusterIP: "10.96.0.11" }, { isDryRun: true });
  await create("b", { clusterIP: "10.96.0.11" });
});

test("an address stays taken when a write that seemed to fail was done", async () => {
  const { create, store } = await started();
  store.failNext("unavailable", "after");
  await rejects(create("a", { clusterIP: "10.96.0.10" }), { code: 503 });
  await create("other");
  await rejects(create("b", { clusterIP: "10.96.0.10" }), { code: 422 });
});

test("ports of one number share a node port over their protocols", async () => {
  const { create } = await started();
  const ports = [
    { name: "a", port: 53, protocol: "UDP" },
    { name: "b", port: 53, protocol: "TCP" },
    { name: "c", port: 80, nodePort: 30_000 },
  ];
  const { spec } = await create("dns", { type: "NodePort", ports });
  const numbers = (spec.ports ?? []).map(({ nodePort }) => nodePort);
  assert.equal(numbers[0], numbers[1]);
  assert.deepEqual([numbers[2], new Set(numbers).size], [30_000, 2]);
});

test("a load balancer with local traffic gets a port for health checks, and may go without node ports", async () => {
  const { create } = await started();
  const { spec } = await create("lb", {
    type: "LoadBalancer",
    externalTrafficPolicy: "Local",
    allocateLoadBalancerNodePorts: false,
  });
  assert.ok((spec.healthCheckNodePort ?? 0) >= 30_000);
  assert.equal(spec.ports?.[0]?.nodePort, undefined);
});

test("an update gives, keeps and takes back", async () => {
  const { create, api, named } = await started();
  const created = await create("a");
  const change = async (object: KubeObject, spec: JsonObject) => {
    const merge = { type: "merge", patch: { spec } } as const;
    return asKind(service, (await api.patch(named(object.metadata.name ?? ""), merge, context())).object);
  };
  const exposed = await change(created, { type: "NodePort" });
  assert.equal(exposed.spec.clusterIP, created.spec.clusterIP);
  const nodePort = exposed.spec.ports?.[0]?.nodePort ?? 0;
  assert.ok(nodePort >= 30_000);
  const dual = await change(exposed, { ipFamilyPolicy: "RequireDualStack" });
  assert.deepEqual(dual.spec.ipFamilies, ["IPv4", "IPv6"]);
  assert.match(dual.spec.clusterIPs?.[1] ?? "", /^fd00:96::/);
  assert.equal(dual.spec.ports?.[0]?.nodePort, nodePort);
  const single = await change(dual, { ipFamilyPolicy: "SingleStack" });
  assert.deepEqual(single.spec.clusterIPs, [created.spec.clusterIP]);
  await create("b", { clusterIP: dual.spec.clusterIPs?.[1] ?? "" });
  const inner = await change(single, { type: "ClusterIP" });
  assert.equal(inner.spec.ports?.[0]?.nodePort, undefined);
  await create("c", { type: "NodePort", ports: [{ port: 80, nodePort }] });
  const external = await change(inner, { type: "ExternalName", externalName: "example.com" });
  assert.equal(external.spec.clusterIP, undefined);
  await create("d", { clusterIP: created.spec.clusterIP ?? "" });
});

test("replacing a service without its address keeps it", async () => {
  const { create, api, named } = await started();
  const created = await create("a");
  const { metadata: _metadata, ...rest } = copyOf(created);
  const body = { ...rest, metadata: { name: "a" }, spec: { ports: [{ port: 81 }], selector: { app: "web" } } };
  const { object } = await api.update(named("a"), body, context());
  assert.equal(asKind(service, object).spec.clusterIP, created.spec.clusterIP);
  await rejects(api.update(named("a"), { ...body, spec: { ...body.spec, clusterIP: "10.96.0.14" } }, context()), {
    code: 422,
    message: /may not change once set/,
  });
});

test("what is stored is known at start, and what two have is told", async () => {
  const { create, start, shared } = await createServices();
  const spec = { clusterIP: "10.96.0.10", clusterIPs: ["10.96.0.10"] };
  await create("a", spec);
  await create("b", spec);
  await start();
  assert.deepEqual(shared, [{ what: "10.96.0.10", owners: ["default/a", "default/b"] }]);
  await rejects(create("c", spec), { code: 422 });
});
