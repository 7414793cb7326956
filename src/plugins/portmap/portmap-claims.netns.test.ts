/** Host ports have one owner: what is refused, what goes together, and that a refusal changes nothing. */
import assert from "node:assert/strict";
import type { JsonObject } from "#base/json.ts";
import { attach, bridgeConfig, mapPorts, type Pod, portmapConfig } from "../conformance/attach.ts";
import { type ConformanceCase, conformance } from "../conformance/conformance.ts";
import { assertUnchanged, elements, snapshot } from "../conformance/witness.ts";
import { batch, type World } from "../conformance/world.ts";

const TCP = { hostPort: 8080, containerPort: 80, protocol: "tcp" };

async function twoPods(world: World): Promise<readonly [Pod, Pod]> {
  const config = bridgeConfig(world, { isDefaultGateway: true });
  const pods = [await attach(world, config), await attach(world, config, { container: "c2" })] as const;
  for (const { netns } of pods) await world.serve(netns, "tcp", 80);
  return pods;
}

/** The mapping is refused as taken, and nothing has changed. */
async function assertTaken(
  world: World,
  pod: Pod,
  portMappings: readonly JsonObject[],
  message: RegExp,
): Promise<void> {
  const before = await snapshot(world, [pod.netns]);
  const refused = await world.fail("ADD", "portmap", { ...pod.input, config: portmapConfig(pod, portMappings) });
  assert.equal(refused.code, 101, JSON.stringify(refused));
  assert.match(refused.msg, message);
  assertUnchanged(await snapshot(world, [pod.netns]), before, JSON.stringify(portMappings));
}

const cases: readonly ConformanceCase[] = [
  {
    name: "portmap refuses a port that another pod has, whose mapping goes on working",
    async run(world) {
      const [one, two] = await twoPods(world);
      await mapPorts(world, one, [TCP]);
      await assertTaken(
        world,
        two,
        [TCP],
        /^Cannot map host port 8080\/tcp to 10\.1\.0\.3 port 80: .* mapped already$/,
      );
      await assertTaken(world, two, [{ ...TCP, hostPort: 8081 }, TCP], /host port 8080\/tcp/);
      assert.equal(await world.ask(world.outside, "tcp", "192.0.2.1", 8080), "192.0.2.2");
      assert.equal(await world.ask(world.outside, "tcp", "192.0.2.1", 8081), "ECONNREFUSED");
      await mapPorts(world, two, [
        { ...TCP, protocol: "udp" },
        { ...TCP, protocol: "SCTP" },
      ]);
    },
  },
  {
    name: "portmap refuses a port on one address that another pod has on all of them, and the other way round",
    async run(world) {
      const [one, two] = await twoPods(world);
      const mapped = await mapPorts(world, one, [TCP]);
      await assertTaken(world, two, [{ ...TCP, hostIP: "192.0.2.1" }], /host port 192\.0\.2\.1 8080\/tcp/);
      await world.succeed("DEL", "portmap", mapped);
      await mapPorts(world, one, [{ ...TCP, hostIP: "192.0.2.1" }]);
      await assertTaken(world, two, [TCP], /host port 8080\/tcp/);
      await mapPorts(world, two, [{ ...TCP, hostIP: "127.0.0.1" }]);
      assert.equal(await world.ask(world.outside, "tcp", "192.0.2.1", 8080), "192.0.2.2");
    },
  },
  {
    name: "portmap opens one port on several addresses for one pod, in one call",
    async run(world) {
      await batch(world.node, "addr add 192.0.2.3/24 dev uplink");
      const [one] = await twoPods(world);
      const mapped = await mapPorts(world, one, [
        { ...TCP, hostIP: "192.0.2.1" },
        { ...TCP, hostIP: "192.0.2.3" },
        { ...TCP, hostIP: "127.0.0.1" },
      ]);
      for (const address of ["192.0.2.1", "192.0.2.3"]) {
        assert.equal(await world.ask(world.outside, "tcp", address, 8080), "192.0.2.2");
      }
      assert.equal(await world.ask(world.node, "tcp", "127.0.0.1", 8080), "10.1.0.1");
      await world.succeed("DEL", "portmap", mapped);
      assert.deepEqual(await elements(world.node), []);
    },
  },
  {
    name: "portmap takes a mapping that is given twice, and refuses two that contradict each other",
    async run(world) {
      const [one, two] = await twoPods(world);
      await mapPorts(world, one, [TCP, TCP]);
      assert.equal(await world.ask(world.outside, "tcp", "192.0.2.1", 8080), "192.0.2.2");
      const port = { ...TCP, hostPort: 9090 };
      const before = await snapshot(world, [two.netns]);
      const config = portmapConfig(two, [port, { ...port, containerPort: 81 }]);
      const refused = await world.fail("ADD", "portmap", { ...two.input, config });
      assert.equal(refused.code, 7, JSON.stringify(refused));
      assert.match(refused.msg, /host port 9090\/tcp/);
      assertUnchanged(await snapshot(world, [two.netns]), before);
    },
  },
  {
    name: "portmap refuses a port that a process of the node listens on",
    async run(world) {
      await batch(world.node, "addr add 192.0.2.3/24 dev uplink");
      const [one] = await twoPods(world);
      await world.serve(world.node, "tcp", 8080, "0.0.0.0");
      await world.serve(world.node, "udp", 5353);
      await world.serve(world.node, "tcp", 8090, "192.0.2.1");
      const message = /^Cannot map host port .*: a process of this node listens on the port$/;
      await assertTaken(world, one, [TCP], message);
      await assertTaken(world, one, [{ ...TCP, hostPort: 5353, protocol: "udp" }], message);
      await assertTaken(world, one, [{ ...TCP, hostPort: 8090 }], message);
      await assertTaken(world, one, [{ ...TCP, hostPort: 8090, hostIP: "192.0.2.1" }], message);
      await mapPorts(world, one, [
        { ...TCP, hostPort: 8090, hostIP: "192.0.2.3" },
        { ...TCP, hostPort: 8080, protocol: "udp" },
      ]);
      assert.equal(await world.ask(world.outside, "tcp", "192.0.2.3", 8090), "192.0.2.2");
      assert.equal(await world.ask(world.outside, "tcp", "192.0.2.1", 8090), "192.0.2.2");
    },
  },
  {
    name: "portmap maps a hundred ports of one pod in one call",
    async run(world) {
      const [one] = await twoPods(world);
      const mappings = Array.from({ length: 100 }, (_, index) => ({ ...TCP, hostPort: 20000 + index }));
      const mapped = await mapPorts(world, one, mappings);
      assert.equal((await elements(world.node)).length, 200);
      assert.equal(await world.ask(world.outside, "tcp", "192.0.2.1", 20099), "192.0.2.2");
      await world.succeed("DEL", "portmap", mapped);
      assert.deepEqual(await elements(world.node), []);
    },
  },
  {
    name: "portmap is done once: repeated for the same pod it is the same, and DEL of one pod leaves the other's",
    async run(world) {
      const [one, two] = await twoPods(world);
      const mapped = await mapPorts(world, one, [TCP]);
      await mapPorts(world, two, [{ ...TCP, hostPort: 8081 }]);
      const before = await elements(world.node);
      assert.equal((await world.call("ADD", "portmap", mapped)).exitCode, 0);
      assert.deepEqual(await elements(world.node), before);
      await world.succeed("DEL", "portmap", mapped);
      assert.equal(await world.ask(world.outside, "tcp", "192.0.2.1", 8080), "ECONNREFUSED");
      assert.equal(await world.ask(world.outside, "tcp", "192.0.2.1", 8081), "192.0.2.2");
    },
  },
];

conformance(cases);
