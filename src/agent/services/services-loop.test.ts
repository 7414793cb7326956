import assert from "node:assert/strict";
import { test } from "node:test";
import type { EndpointSlice } from "#api/kinds/endpoint-slice.ts";
import type { Service } from "#api/kinds/service/service.ts";
import type { JsonObject } from "#base/json.ts";
import { sampleService, sampleSlice } from "#service/testing/sample-service.ts";
import { type ServicesLoop, startServicesLoop } from "./services-loop.ts";
import { createMemoryFlows, createMemoryProxy, createToldInformer } from "./testing/memory-proxy.ts";

const SILENT = { info: () => undefined, error: () => undefined };
const PROXY_NODE = { podNetworks: [], nodePods: [], nodePortAddresses: [], serviceNetworks: [] };
const NODE = { name: "n1" };

function serviceOf(name: string, version: number, spec: JsonObject = {}): Service {
  return sampleService(spec, { metadata: { namespace: "default", name, resourceVersion: String(version) } });
}

function sliceOf(service: string, version: number, addresses: readonly string[], port: JsonObject = {}): EndpointSlice {
  const labels = { "kubernetes.io/service-name": service };
  const metadata = { namespace: "default", name: `${service}-1`, labels, resourceVersion: String(version) };
  return sampleSlice(addresses, { metadata, ports: [{ name: "", port: 8080, ...port }] });
}

function startWorld() {
  const proxy = createMemoryProxy();
  const flows = createMemoryFlows();
  const services = createToldInformer<Service>();
  const slices = createToldInformer<EndpointSlice>();
  let grown = Promise.withResolvers<void>();
  const loop: ServicesLoop = startServicesLoop({
    services,
    slices,
    proxy,
    flows,
    healthChecks: { set: () => undefined },
    log: SILENT,
    onProgrammed() {
      grown.resolve();
      grown = Promise.withResolvers();
    },
  });
  return {
    proxy,
    flows,
    services,
    slices,
    loop,
    /** Resolves at the next successful write. */
    written: () => grown.promise,
    [Symbol.asyncDispose]: () => loop[Symbol.asyncDispose](),
  };
}

test("startServicesLoop writes nothing before the lists are complete, then all at once", async () => {
  await using world = startWorld();
  world.services.set(serviceOf("a", 1));
  world.services.set(serviceOf("b", 2));
  world.slices.set(sliceOf("a", 3, ["10.0.0.1"]));
  await new Promise(setImmediate);
  assert.deepEqual(world.proxy.calls, []);
  assert.deepEqual(world.loop.programmed(), { services: 0, endpointSlices: 0 });
  const written = world.written();
  world.loop.setNode(NODE, PROXY_NODE);
  await written;
  assert.deepEqual(world.proxy.calls, ["sync 2"]);
  assert.deepEqual(world.loop.programmed(), { services: 2, endpointSlices: 3 });
});

test("startServicesLoop makes one update of all events of a turn, and none of an event that changes nothing", async () => {
  await using world = startWorld();
  let written = world.written();
  world.loop.setNode(NODE, PROXY_NODE);
  await written;
  written = world.written();
  for (let version = 1; version <= 50; version += 1) {
    world.services.set(serviceOf("a", version));
    world.slices.set(sliceOf("a", 100 + version, [`10.0.0.${version}`]));
  }
  await written;
  assert.deepEqual(world.proxy.calls, ["sync 0", "update default/a:/TCP/4"]);
  assert.deepEqual(world.proxy.ports.get("default/a:/TCP/4")?.cluster.map(String).length, 1);
  written = world.written();
  world.services.set(serviceOf("a", 200));
  await written;
  assert.equal(world.proxy.calls.length, 2);
  assert.deepEqual(world.loop.programmed(), { services: 200, endpointSlices: 150 });
});

test("startServicesLoop compares everything after a failed update, and tells no version meanwhile", async () => {
  await using world = startWorld();
  let written = world.written();
  world.loop.setNode(NODE, PROXY_NODE);
  await written;
  written = world.written();
  world.proxy.failure = new Error("the kernel said no");
  world.services.set(serviceOf("a", 7));
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  assert.deepEqual(world.loop.programmed(), { services: 0, endpointSlices: 0 });
  assert.match(world.loop.state().lastError ?? "", /said no/);
  await written;
  assert.deepEqual(world.proxy.calls, ["sync 0", "update default/a:/TCP/4", "sync 1"]);
  assert.deepEqual(world.loop.programmed(), { services: 7, endpointSlices: 0 });
  assert.equal(world.loop.state().lastError, undefined);
});

test("startServicesLoop forgets the flows of UDP backends that are gone", async () => {
  await using world = startWorld();
  const udp = { ports: [{ port: 53, protocol: "UDP" }] };
  const slice = (version: number, addresses: readonly string[]) =>
    sliceOf("a", version, addresses, { protocol: "UDP" });
  world.services.set(serviceOf("a", 1, udp));
  world.slices.set(slice(2, ["10.0.0.1", "10.0.0.2"]));
  let written = world.written();
  world.loop.setNode(NODE, PROXY_NODE);
  await written;
  written = world.written();
  world.slices.set(slice(3, ["10.0.0.2"]));
  await written;
  assert.deepEqual(world.flows.forgotten, [
    { family: 4, protocol: "UDP", frontend: "10.96.0.1", frontendPort: 53, backend: "10.0.0.1" },
  ]);
});
