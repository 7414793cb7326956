/** Every key of the bridge plugin on the real kernel, in each way into the plugin. */
import assert from "node:assert/strict";
import { attach, bridgeConfig, hostLocal, SUBNET, SUBNET_6 } from "../conformance/attach.ts";
import { type ConformanceCase, conformance } from "../conformance/conformance.ts";
import {
  addressesOf,
  assertUnchanged,
  at,
  canPing,
  routesOf,
  showLink,
  snapshot,
  sysctlOf,
  withoutLastReserved,
} from "../conformance/witness.ts";
import { batch } from "../conformance/world.ts";

const BOTH = [SUBNET, SUBNET_6] as const;

const cases: readonly ConformanceCase[] = [
  {
    name: "bridge joins pods on a bridge that has no address of its own",
    async run(world) {
      const [one, two] = [
        await attach(world, bridgeConfig(world)),
        await attach(world, bridgeConfig(world), { container: "c2" }),
      ];
      assert.deepEqual(one.result.ips, [{ address: "10.1.0.2/24", gateway: "10.1.0.1", interface: 2 }]);
      assert.deepEqual(
        one.result.interfaces?.map(({ name, sandbox }) => [name.replace(/^veth[0-9a-f]{8}$/, "veth"), sandbox]),
        [
          ["br0", undefined],
          ["veth", undefined],
          ["eth0", one.netns.path],
        ],
      );
      assert.deepEqual(await addressesOf(world.node, "br0"), []);
      assert.deepEqual(await routesOf(one.netns), ["10.1.0.0/24 dev eth0 scope link src 10.1.0.2"]);
      assert.equal(await sysctlOf(world.node, "net.ipv4.ip_forward"), "0");
      assert.equal(await canPing(one.netns, "10.1.0.3"), true);
      const [br0, port] = [
        await showLink(world.node, "br0"),
        await showLink(world.node, two.result.interfaces?.[1]?.name ?? ""),
      ];
      assert.equal(port?.["master"], "br0");
      assert.equal(port?.["ifalias"], "podwire:net/c2/eth0");
      assert.equal(at(br0, "linkinfo", "info_data", "vlan_filtering"), 0);
      await world.succeed("DEL", "bridge", one.input);
      assert.equal(await showLink(one.netns, "eth0"), undefined);
      assert.equal((await showLink(world.node, "br0"))?.["address"], br0?.["address"]);
    },
  },
  {
    name: "bridge isGateway gives the bridge the gateway's address and forwards, but sets no default route",
    async run(world) {
      const config = bridgeConfig(world, { isGateway: true });
      const pod = await attach(world, config);
      await attach(world, config, { container: "c2" });
      assert.deepEqual(await addressesOf(world.node, "br0"), ["10.1.0.1/24"]);
      assert.equal(await sysctlOf(world.node, "net.ipv4.ip_forward"), "1");
      assert.equal(await canPing(pod.netns, "10.1.0.1"), true);
      assert.deepEqual(await routesOf(pod.netns), ["10.1.0.0/24 dev eth0 scope link src 10.1.0.2"]);
      assert.equal(await world.ask(pod.netns, "tcp", "192.0.2.2", 80), "ENETUNREACH");
    },
  },
  {
    name: "bridge isDefaultGateway leads everything of both families to the bridge",
    async run(world) {
      const pod = await attach(world, bridgeConfig(world, { isDefaultGateway: true, ipam: hostLocal(world, ...BOTH) }));
      assert.deepEqual(await addressesOf(world.node, "br0"), ["10.1.0.1/24", "fd01::1/64"]);
      assert.deepEqual(pod.result.routes, [
        { dst: "0.0.0.0/0", gw: "10.1.0.1" },
        { dst: "::/0", gw: "fd01::1" },
      ]);
      assert.equal(await sysctlOf(world.node, "net.ipv6.conf.all.forwarding"), "1");
      await world.serve(world.outside, "tcp", 80);
      assert.equal(await world.ask(pod.netns, "tcp", "192.0.2.2", 80), "10.1.0.2");
      assert.equal(await world.ask(pod.netns, "tcp", "fd02::2", 80), "fd01::2");
    },
  },
  {
    name: "bridge ipMasq lets the outside see the node's address, and pods of the network the pod's own",
    async run(world) {
      const config = bridgeConfig(world, { isDefaultGateway: true, ipMasq: true, ipam: hostLocal(world, ...BOTH) });
      const pod = await attach(world, config);
      const neighbour = await attach(world, config, { container: "c2" });
      const other = bridgeConfig(world, {
        name: "other",
        bridge: "br1",
        isDefaultGateway: true,
        ipam: hostLocal(world, "10.2.0.0/24"),
      });
      const elsewhere = await attach(world, other, { container: "c3" });
      await Promise.all(
        [world.outside, neighbour.netns, elsewhere.netns].map((netns) => world.serve(netns, "tcp", 80)),
      );
      await world.serve(world.outside, "udp", 53);
      assert.equal(await world.ask(pod.netns, "tcp", "192.0.2.2", 80), "192.0.2.1");
      assert.equal(await world.ask(pod.netns, "udp", "192.0.2.2", 53), "192.0.2.1");
      assert.equal(await world.ask(pod.netns, "tcp", "fd02::2", 80), "fd02::1");
      assert.equal(await world.ask(pod.netns, "tcp", "10.1.0.3", 80), "10.1.0.2");
      assert.equal(await world.ask(pod.netns, "tcp", "10.2.0.2", 80), "10.2.0.1");
      assert.equal(await world.ask(elsewhere.netns, "tcp", "192.0.2.2", 80), "10.2.0.2");
      await world.succeed("DEL", "bridge", neighbour.input);
      assert.equal(await world.ask(pod.netns, "tcp", "192.0.2.2", 80), "192.0.2.1");
    },
  },
  {
    name: "bridge forceAddress replaces the bridge's addresses that are in the way, and without it they are an error",
    async run(world) {
      await batch(world.node, "link add br0 type bridge", "addr add 10.9.0.1/16 dev br0", "link set br0 up");
      await attach(world, bridgeConfig(world), { container: "c3" });
      const pod = world.newPod();
      const ranges = hostLocal(world, SUBNET, "10.2.0.0/24", SUBNET_6);
      const config = bridgeConfig(world, { isGateway: true, ipam: ranges });
      const before = await snapshot(world, [pod]);
      const { code, msg } = await world.fail("ADD", "bridge", { netns: pod.path, config });
      assert.equal(code, 7);
      assert.equal(msg, '"br0" already has an IP address different from 10.1.0.1/24');
      assertUnchanged(withoutLastReserved(await snapshot(world, [pod])), withoutLastReserved(before));
      const forced = { ...config, forceAddress: true };
      const one = await attach(world, forced, { netns: pod });
      assert.deepEqual(await addressesOf(world.node, "br0"), ["10.1.0.1/24", "10.2.0.1/24", "fd01::1/64"]);
      await attach(world, config, { container: "c2" });
      for (const gateway of ["10.1.0.1", "10.2.0.1", "fd01::1"]) assert.equal(await canPing(one.netns, gateway), true);
    },
  },
  {
    name: "bridge becomes gateway on a bridge of somebody else, which then keeps its hardware address",
    async run(world) {
      await batch(world.node, "link add br0 type bridge");
      const config = bridgeConfig(world, { isGateway: true });
      const first = await attach(world, config);
      const second = await attach(world, config, { container: "c2" });
      assert.deepEqual(second.result.interfaces?.[0], first.result.interfaces?.[0]);
      await world.succeed("DEL", "bridge", first.input);
      await attach(world, config, { container: "c3" });
      await world.succeed("CHECK", "bridge", second.input);
      // A pod must not be able to become the node's router.
      assert.equal(await sysctlOf(world.node, "net.ipv6.conf.br0.accept_ra"), "0");
    },
  },
  {
    name: "bridge mtu holds for both ends of the pair and the bridge",
    async run(world) {
      const pod = await attach(world, bridgeConfig(world, { mtu: 1400 }));
      assert.deepEqual(
        pod.result.interfaces?.map(({ mtu }) => mtu),
        [1400, 1400, 1400],
      );
      await world.succeed("DEL", "bridge", pod.input);
      assert.deepEqual((await attach(world, bridgeConfig(world, { mtu: 65535 }))).result.interfaces?.[1]?.mtu, 65535);
    },
  },
  {
    name: "bridge hairpinMode lets a port send back what came from it, and goes not together with promiscMode",
    async run(world) {
      const pod = await attach(world, bridgeConfig(world, { hairpinMode: true }));
      const port = await showLink(world.node, pod.result.interfaces?.[1]?.name ?? "");
      assert.equal(at(port, "linkinfo", "info_slave_data", "hairpin"), true);
      const plain = await attach(world, bridgeConfig(world), { container: "c2" });
      const plainPort = await showLink(world.node, plain.result.interfaces?.[1]?.name ?? "");
      assert.equal(at(plainPort, "linkinfo", "info_slave_data", "hairpin"), false);
      const both = bridgeConfig(world, { hairpinMode: true, promiscMode: true });
      const { code, msg } = await world.fail("ADD", "bridge", { netns: world.newPod().path, config: both });
      assert.deepEqual([code, msg], [7, "cannot set hairpin mode and promiscuous mode at the same time"]);
    },
  },
  {
    name: "bridge promiscMode sets the bridge, new or there before, to promiscuous mode",
    async run(world) {
      await attach(world, bridgeConfig(world));
      assert.equal(at(await showLink(world.node, "br0"), "promiscuity"), 0);
      await attach(world, bridgeConfig(world, { promiscMode: true }), { container: "c2" });
      assert.equal(at(await showLink(world.node, "br0"), "promiscuity"), 1);
      await attach(world, bridgeConfig(world, { bridge: "br1", promiscMode: true }), { container: "c3" });
      assert.equal(at(await showLink(world.node, "br1"), "promiscuity"), 1);
    },
  },
  {
    name: "bridge macspoofchk drops frames that come from another hardware address than the pod's",
    async run(world) {
      const config = bridgeConfig(world, { isGateway: true, macspoofchk: true });
      const [pod, other] = [await attach(world, config), await attach(world, config, { container: "c2" })];
      const unchecked = await attach(world, bridgeConfig(world, { isGateway: true }), { container: "c3" });
      const spoof = (netns: { readonly fd: number }, mac: string) =>
        batch({ fd: netns.fd }, `link set eth0 address ${mac}`);
      assert.equal(await canPing(pod.netns, "10.1.0.1"), true);
      await spoof(pod.netns, "02:00:00:00:00:99");
      await spoof(unchecked.netns, "02:00:00:00:00:98");
      assert.equal(await canPing(pod.netns, "10.1.0.1"), false);
      assert.equal(await canPing(unchecked.netns, "10.1.0.1"), true);
      // Not the address of another checked pod either.
      await spoof(pod.netns, other.result.interfaces?.[2]?.mac ?? "");
      assert.equal(await canPing(pod.netns, "10.1.0.1"), false);
      await spoof(pod.netns, pod.result.interfaces?.[2]?.mac ?? "");
      assert.equal(await canPing(pod.netns, "10.1.0.1"), true);
      await world.succeed("DEL", "bridge", pod.input);
      assert.equal(await canPing(other.netns, "10.1.0.1"), true);
    },
  },
  {
    name: "bridge portIsolation keeps isolated pods from each other, not from the gateway and from others",
    async run(world) {
      const isolated = bridgeConfig(world, { isGateway: true, portIsolation: true });
      const [one, two] = [await attach(world, isolated), await attach(world, isolated, { container: "c2" })];
      const open = await attach(world, bridgeConfig(world, { isGateway: true }), { container: "c3" });
      assert.equal(await canPing(one.netns, "10.1.0.3"), false);
      assert.equal(await canPing(two.netns, "10.1.0.2"), false);
      assert.equal(await canPing(one.netns, "10.1.0.1"), true);
      assert.equal(await canPing(one.netns, "10.1.0.4"), true);
      assert.equal(await canPing(open.netns, "10.1.0.3"), true);
    },
  },
  {
    name: "bridge vlan, vlanTrunk: a kernel without VLAN filtering refuses them, and nothing is left",
    async run(world) {
      const pod = world.newPod();
      await attach(world, bridgeConfig(world, { bridge: "br1" }), { container: "c9" });
      const before = await snapshot(world, [pod]);
      for (const more of [
        { vlan: 100 },
        { vlanTrunk: [{ minID: 10, maxID: 20 }, { id: 30 }] },
        { vlan: 100, isGateway: true },
        { bridge: "br1", vlan: 100 },
        { bridge: "br1", vlan: 100, preserveDefaultVlan: true },
      ]) {
        const { code } = await world.fail("ADD", "bridge", { netns: pod.path, config: bridgeConfig(world, more) });
        assert.equal(code, 102, JSON.stringify(more));
        assertUnchanged(
          withoutLastReserved(await snapshot(world, [pod])),
          withoutLastReserved(before),
          JSON.stringify(more),
        );
      }
    },
  },
];

conformance(cases);
