/** Who reaches a pod by a port of the node, and as whom the pod sees them; in each way into the plugin. */
import assert from "node:assert/strict";
import type { JsonObject } from "#base/json.ts";
import { SPEC_VERSIONS } from "#cni/spec-version.ts";
import {
  attach,
  bridgeConfig,
  hostLocal,
  mapPorts,
  type Pod,
  ptpConfig,
  SUBNET,
  SUBNET_6,
} from "../conformance/attach.ts";
import { type ConformanceCase, conformance } from "../conformance/conformance.ts";
import { elements } from "../conformance/witness.ts";
import { batch, type World } from "../conformance/world.ts";

const TCP = { hostPort: 8080, containerPort: 80, protocol: "tcp" };
const UDP = { hostPort: 5353, containerPort: 53, protocol: "udp" };

/** On a bridge whose packets netfilter sees, a pod reaches itself through its port only in hairpin mode. */
function network(world: World): JsonObject {
  const ipam = hostLocal(world, SUBNET, SUBNET_6);
  return bridgeConfig(world, { isDefaultGateway: true, hairpinMode: true, ipam });
}

/** A pod that serves TCP 80 and UDP 53. */
async function servingPod(world: World, container = "c1"): Promise<Pod> {
  const pod = await attach(world, network(world), { container });
  await world.serve(pod.netns, "tcp", 80);
  await world.serve(pod.netns, "udp", 53);
  return pod;
}

const cases: readonly ConformanceCase[] = [
  {
    name: "portmap leads TCP and UDP from everywhere to the pod",
    async run(world) {
      const pod = await servingPod(world);
      const neighbour = await attach(world, network(world), { container: "c2" });
      const ipam = hostLocal(world, "10.2.0.0/24");
      const other = bridgeConfig(world, { name: "other", bridge: "br1", isDefaultGateway: true, ipam });
      const stranger = await attach(world, other, { container: "c3" });
      assert.equal(await world.ask(world.outside, "tcp", "192.0.2.1", 8080), "ECONNREFUSED");
      await mapPorts(world, pod, [TCP, UDP]);
      for (const { protocol, hostPort } of [TCP, UDP] as const) {
        const ask = (from: World["node"], address: string) =>
          world.ask(from, protocol === "tcp" ? "tcp" : "udp", address, hostPort);
        assert.equal(await ask(world.outside, "192.0.2.1"), "192.0.2.2", `${protocol} from outside`);
        assert.equal(await ask(world.outside, "fd02::1"), "fd02::2", `${protocol} from outside by IPv6`);
        assert.equal(await ask(world.node, "192.0.2.1"), "192.0.2.1", `${protocol} from the node by its own address`);
        assert.equal(await ask(world.node, "fd02::1"), "fd02::1", `${protocol} from the node by its own IPv6 address`);
        assert.equal(await ask(world.node, "127.0.0.1"), "10.1.0.1", `${protocol} from the node by loopback`);
        assert.equal(await ask(world.node, "127.1.2.3"), "10.1.0.1", `${protocol} from the node by all of loopback`);
        assert.equal(await ask(pod.netns, "192.0.2.1"), "10.1.0.1", `${protocol} from the pod itself`);
        assert.equal(await ask(pod.netns, "fd02::1"), "fd01::1", `${protocol} from the pod itself by IPv6`);
        assert.equal(await ask(neighbour.netns, "192.0.2.1"), "10.1.0.1", `${protocol} from its network`);
        assert.equal(await ask(neighbour.netns, "10.1.0.1"), "10.1.0.1", `${protocol} by the gateway's address`);
        assert.equal(await ask(stranger.netns, "192.0.2.1"), "10.2.0.2", `${protocol} from another network`);
      }
    },
  },
  {
    name: "portmap works behind ptp",
    async run(world) {
      const pod = await attach(world, ptpConfig(world));
      await world.serve(pod.netns, "tcp", 80);
      await mapPorts(world, pod, [TCP]);
      assert.equal(await world.ask(world.outside, "tcp", "192.0.2.1", 8080), "192.0.2.2");
      assert.equal(await world.ask(world.node, "tcp", "127.0.0.1", 8080), "10.1.0.1");
      assert.equal(await world.ask(pod.netns, "tcp", "192.0.2.1", 8080), "10.1.0.1");
    },
  },
  {
    name: "portmap leaves traffic alone that is on its way to somebody else's port of that number",
    async run(world) {
      const pod = await servingPod(world);
      const neighbour = await attach(world, network(world), { container: "c2" });
      await mapPorts(world, pod, [TCP, { ...UDP, hostPort: 53 }]);
      await world.serve(world.outside, "tcp", 8080);
      await world.serve(world.outside, "udp", 53);
      await world.serve(neighbour.netns, "tcp", 8080);
      assert.equal(await world.ask(neighbour.netns, "tcp", "192.0.2.2", 8080), "10.1.0.3");
      assert.equal(await world.ask(neighbour.netns, "udp", "192.0.2.2", 53), "10.1.0.3");
      assert.equal(await world.ask(world.node, "tcp", "192.0.2.2", 8080), "192.0.2.1");
      assert.equal(await world.ask(world.outside, "tcp", "10.1.0.3", 8080), "192.0.2.2");
      assert.equal(await world.ask(world.outside, "tcp", "10.1.0.2", 8080), "ECONNREFUSED");
    },
  },
  {
    name: "portmap hostIP opens the port on that address alone; wildcards open it on all",
    async run(world) {
      await batch(world.node, "addr add 192.0.2.3/24 dev uplink", "addr add fd02::3/64 dev uplink nodad");
      const pod = await servingPod(world);
      await mapPorts(world, pod, [
        { ...TCP, hostIP: "192.0.2.3" },
        { ...TCP, hostPort: 8081, hostIP: "0.0.0.0" },
        { ...TCP, hostPort: 8082, hostIP: "fd02::3" },
        { ...TCP, hostPort: 8083, hostIP: "::" },
        { ...TCP, hostPort: 8084, hostIP: "127.0.0.1" },
      ]);
      const from = (netns: World["node"]) => (address: string, port: number) => world.ask(netns, "tcp", address, port);
      const outside = from(world.outside);
      assert.equal(await outside("192.0.2.3", 8080), "192.0.2.2");
      assert.equal(await outside("192.0.2.1", 8080), "ECONNREFUSED");
      assert.equal(await outside("fd02::3", 8080), "ECONNREFUSED");
      for (const address of ["192.0.2.1", "192.0.2.3"]) assert.equal(await outside(address, 8081), "192.0.2.2");
      assert.equal(await outside("fd02::1", 8081), "ECONNREFUSED");
      assert.equal(await outside("fd02::3", 8082), "fd02::2");
      assert.equal(await outside("fd02::1", 8082), "ECONNREFUSED");
      assert.equal(await outside("fd02::1", 8083), "fd02::2");
      assert.equal(await outside("192.0.2.1", 8083), "ECONNREFUSED");
      assert.equal(await outside("192.0.2.1", 8084), "ECONNREFUSED");
      assert.equal(await from(world.node)("127.0.0.1", 8084), "10.1.0.1");
    },
  },
  {
    name: "portmap snat and masqAll decide whose address the pod sees",
    async run(world) {
      const pod = await servingPod(world);
      const all = await mapPorts(world, pod, [TCP], { masqAll: true });
      assert.equal(await world.ask(world.outside, "tcp", "192.0.2.1", 8080), "10.1.0.1");
      assert.equal(await world.ask(world.outside, "tcp", "fd02::1", 8080), "fd01::1");
      await world.succeed("DEL", "portmap", all);
      await mapPorts(world, pod, [TCP], { snat: false });
      assert.equal(await world.ask(world.outside, "tcp", "192.0.2.1", 8080), "192.0.2.2");
      const patience = { timeoutMs: 300 };
      assert.equal(await world.ask(world.node, "tcp", "127.0.0.1", 8080, patience), "timeout");
      assert.equal(await world.ask(pod.netns, "tcp", "192.0.2.1", 8080, patience), "timeout");
    },
  },
  {
    name: "portmap DEL closes the port, and another pod can have it",
    async run(world) {
      const [one, two] = [await servingPod(world), await servingPod(world, "c2")];
      const mapped = await mapPorts(world, one, [TCP, UDP]);
      const before = await elements(world.node);
      await world.succeed("DEL", "portmap", mapped);
      assert.equal(await world.ask(world.outside, "tcp", "192.0.2.1", 8080), "ECONNREFUSED");
      assert.deepEqual(await elements(world.node), []);
      await mapPorts(world, two, [TCP, UDP]);
      assert.equal(await world.ask(world.outside, "tcp", "192.0.2.1", 8080), "192.0.2.2");
      assert.equal((await elements(world.node)).length, before.length);
    },
  },
  {
    name: "portmap makes an end of UDP conversations that would go on where the port led before",
    async run(world) {
      const [one, two] = [await servingPod(world), await servingPod(world, "c2")];
      const hostIpv6 = { localPort: 4000 };
      const ask = (address: string) => world.ask(world.outside, "udp", address, 5353, { ...hostIpv6, timeoutMs: 500 });
      // Conntrack works from the first mapping on.
      const other = await mapPorts(world, one, [TCP]);
      assert.equal(await ask("192.0.2.1"), "ECONNREFUSED");
      assert.equal(await ask("fd02::1"), "ECONNREFUSED");
      await world.succeed("DEL", "portmap", other);
      const mapped = await mapPorts(world, one, [TCP, UDP]);
      assert.equal(await ask("192.0.2.1"), "192.0.2.2");
      assert.equal(await ask("fd02::1"), "fd02::2");
      await world.succeed("DEL", "portmap", mapped);
      assert.equal(await ask("192.0.2.1"), "ECONNREFUSED");
      await world.succeed("DEL", "bridge", one.input);
      await mapPorts(world, two, [UDP]);
      assert.equal(await ask("192.0.2.1"), "192.0.2.2");
      assert.equal(await ask("fd02::1"), "fd02::2");
    },
  },
  {
    name: `portmap passes the result on in each of the versions ${SPEC_VERSIONS.join(", ")}, without mappings too`,
    async run(world) {
      for (const [index, cniVersion] of SPEC_VERSIONS.entries()) {
        const pod = await attach(world, bridgeConfig(world, { cniVersion }), { container: `c${index}` });
        const config = { cniVersion, name: "net", type: "portmap", prevResult: pod.json };
        const input = { ...pod.input, config };
        assert.deepEqual((await world.add("portmap", input)).json, pod.json);
        await world.succeed("DEL", "portmap", input);
        const mapped = { ...input, config: { ...config, runtimeConfig: { portMappings: [TCP] } } };
        assert.deepEqual((await world.add("portmap", mapped)).json, pod.json);
        assert.equal((await elements(world.node)).length, 2);
        await world.succeed("DEL", "portmap", mapped);
      }
    },
  },
];

conformance(cases);
