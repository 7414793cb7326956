import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compileService } from "./compile-service.ts";
import { createServiceIndex } from "./service-index.ts";
import type { ServicePort } from "./service-port.ts";
import { NODE, type SampleEndpoint, sampleService, sampleSlice } from "./testing/sample-service.ts";

const metadata = (name: string) => ({ namespace: "default", name });
const serviceOf = (name: string, port = 80) => sampleService({ ports: [{ port }] }, { metadata: metadata(name) });
const sliceOf = (name: string, service: string, endpoints: readonly (string | SampleEndpoint)[]) =>
  sampleSlice(endpoints, { metadata: { ...metadata(name), labels: { "kubernetes.io/service-name": service } } });

test("createServiceIndex compiles only the Service that an event is about", () => {
  const index = createServiceIndex(NODE);
  for (const name of ["a", "b"]) {
    index.setService(serviceOf(name));
    index.setSlice(sliceOf(`${name}-1`, name, ["10.0.0.1"]));
  }
  assert.deepEqual([...index.dirty], ["default/a", "default/b"]);
  index.compile(index.dirty);
  index.setSlice(sliceOf("b-1", "b", ["10.0.0.2"]));
  assert.deepEqual([...index.dirty], ["default/b"]);
  const changes = index.compile(index.dirty);
  assert.deepEqual([...changes.keys()], ["default/b:/TCP/4"]);
  const { before, after } = changes.get("default/b:/TCP/4") ?? assert.fail();
  assert.deepEqual([before?.cluster[0]?.address, after?.cluster[0]?.address], ["10.0.0.1", "10.0.0.2"]);
});

test("createServiceIndex tells nothing when an event changes nothing for the kernel", () => {
  const index = createServiceIndex(NODE);
  index.setService(serviceOf("a"));
  index.setSlice(sliceOf("a-1", "a", ["10.0.0.1"]));
  index.compile(index.dirty);
  const before = index.ports.get("default/a:/TCP/4");
  index.setSlice(sliceOf("a-1", "a", ["10.0.0.1", { address: "10.0.0.9", state: "unready" }]));
  assert.equal(index.compile(index.dirty).size, 0);
  assert.equal(index.ports.get("default/a:/TCP/4"), before);
});

test("createServiceIndex follows a slice that becomes another Service's", () => {
  const index = createServiceIndex(NODE);
  for (const name of ["a", "b"]) index.setService(serviceOf(name));
  index.setSlice(sliceOf("s", "a", ["10.0.0.1"]));
  index.compile(index.dirty);
  index.setSlice(sliceOf("s", "b", ["10.0.0.1"]));
  index.compile(index.dirty);
  const counts = ["a", "b"].map((name) => index.ports.get(`default/${name}:/TCP/4`)?.cluster.length);
  assert.deepEqual(counts, [0, 1]);
});

test("createServiceIndex compiles everything for another zone, and nothing for the same", () => {
  const index = createServiceIndex(NODE);
  index.setService(serviceOf("a"));
  const zones = [
    { address: "10.0.0.1", zones: ["a"] },
    { address: "10.0.0.2", zones: ["b"] },
  ];
  index.setSlice(sliceOf("a-1", "a", zones));
  index.compile(index.dirty);
  index.setNode({ ...NODE });
  assert.equal(index.dirty.size, 0);
  index.setNode({ name: "n1", zone: "b" });
  const change = index.compile(index.dirty).get("default/a:/TCP/4");
  assert.deepEqual(
    change?.after?.cluster.map(({ address }) => address),
    ["10.0.0.2"],
  );
});

const names = fc.constantFrom("a", "b", "c");
const endpoint = fc.record({
  address: fc.integer({ min: 1, max: 4 }).map((suffix) => `10.0.0.${suffix}`),
  node: fc.constantFrom("n1", "n2"),
  state: fc.constantFrom("ready", "unready", "terminating", "gone"),
  zones: fc.subarray(["a", "b"]),
} as const);
const event = fc.oneof(
  fc.record({ do: fc.constant("set service"), name: names, port: fc.integer({ min: 1, max: 3 }) } as const),
  fc.record({ do: fc.constant("delete service"), name: names } as const),
  fc.record({
    do: fc.constant("set slice"),
    slice: fc.constantFrom("s1", "s2", "s3"),
    name: names,
    endpoints: fc.array(endpoint, { maxLength: 4 }),
  } as const),
  fc.record({ do: fc.constant("delete slice"), slice: fc.constantFrom("s1", "s2", "s3") } as const),
  fc.record({ do: fc.constant("compile") } as const),
);

test("createServiceIndex ends where a compiler of everything does, and its changes add up to it", () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 40 }), (events) => {
      const index = createServiceIndex(NODE);
      const services = new Map<string, ReturnType<typeof serviceOf>>();
      const slices = new Map<string, ReturnType<typeof sliceOf>>();
      const seen = new Map<string, ServicePort>();
      const compile = (): void => {
        for (const [id, { before, after }] of index.compile(index.dirty)) {
          assert.deepEqual(before, seen.get(id));
          if (after === undefined) seen.delete(id);
          else seen.set(id, after);
        }
      };
      for (const one of events) {
        switch (one.do) {
          case "set service": {
            const service = serviceOf(one.name, one.port);
            services.set(one.name, service);
            index.setService(service);
            break;
          }
          case "delete service": {
            const service = services.get(one.name);
            if (service !== undefined) index.deleteService(service);
            services.delete(one.name);
            break;
          }
          case "set slice": {
            const slice = sliceOf(one.slice, one.name, one.endpoints);
            slices.set(one.slice, slice);
            index.setSlice(slice);
            break;
          }
          case "delete slice": {
            const slice = slices.get(one.slice);
            if (slice !== undefined) index.deleteSlice(slice);
            slices.delete(one.slice);
            break;
          }
          case "compile":
            compile();
        }
      }
      compile();
      const expected = [...services].flatMap(([name, service]) => {
        const own = [...slices.values()].filter(
          ({ metadata: { labels } }) => labels?.["kubernetes.io/service-name"] === name,
        );
        return compileService(service, own, NODE).ports;
      });
      const byId = (ports: Iterable<ServicePort>) => new Map([...ports].map((port) => [port.id, port]));
      assert.deepEqual(byId(index.ports.values()), byId(expected));
      assert.deepEqual(seen, byId(expected));
    }),
  );
});

test("a compiled Service has each backend once, in order, and never one that does not answer", () => {
  fc.assert(
    fc.property(fc.array(endpoint, { maxLength: 8 }), (endpoints) => {
      const service = sampleService({
        type: "NodePort",
        externalTrafficPolicy: "Local",
        ports: [{ port: 80, nodePort: 30_080 }],
      });
      const [port] = compileService(service, [sampleSlice(endpoints)], NODE).ports;
      const { cluster, local } = port ?? assert.fail();
      for (const list of [cluster, local]) {
        const addresses = list.map(({ address }) => String(address));
        assert.deepEqual(addresses, [...new Set(addresses)].sort());
        for (const address of addresses) {
          const states = endpoints.filter((one) => one.address === address).map(({ state }) => state);
          assert.ok(states.includes("ready") || states.includes("terminating"), `${address} is ${states.join()}`);
        }
      }
      const answers = endpoints.some(({ state }) => state === "ready" || state === "terminating");
      assert.equal(cluster.length > 0, answers);
    }),
  );
});
