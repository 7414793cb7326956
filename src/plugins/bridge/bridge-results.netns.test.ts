/** What the bridge plugin answers and gives to the pod: addresses, results of every version, hardware addresses, DNS. */
import assert from "node:assert/strict";
import { SPEC_VERSIONS } from "#cni/spec-version.ts";
import { ipJson } from "#kernel/testing/run-in-netns.ts";
import { attach, bridgeConfig, hostLocal, SUBNET, SUBNET_6 } from "../conformance/attach.ts";
import { type ConformanceCase, conformance } from "../conformance/conformance.ts";
import {
  addressesOf,
  assertUnchanged,
  at,
  canPing,
  showLink,
  snapshot,
  sysctlOf,
  withoutLastReserved,
} from "../conformance/witness.ts";
import { batch } from "../conformance/world.ts";

const interfaces = (pod: string) => [
  { name: "br0", mac: "M" },
  { name: "veth", mac: "M" },
  { name: "eth0", mac: "M", sandbox: pod },
];
const ROUTES = [
  { dst: "0.0.0.0/0", gw: "10.1.0.1" },
  { dst: "::/0", gw: "fd01::1" },
];
const LISTS = (pod: string) => ({
  interfaces: interfaces(pod),
  ips: [
    { version: "4", interface: 2, address: "10.1.0.2/24", gateway: "10.1.0.1" },
    { version: "6", interface: 2, address: "fd01::2/64", gateway: "fd01::1" },
  ],
  routes: ROUTES,
  dns: {},
});
const NEWEST = (pod: string) => ({
  interfaces: interfaces(pod).map((one) => ({ ...one, mtu: 1500 })),
  ips: [
    { interface: 2, address: "10.1.0.2/24", gateway: "10.1.0.1" },
    { interface: 2, address: "fd01::2/64", gateway: "fd01::1" },
  ],
  routes: ROUTES,
});
const FAMILIES = () => ({
  ip4: { ip: "10.1.0.2/24", gateway: "10.1.0.1", routes: [{ dst: "0.0.0.0/0", gw: "10.1.0.1" }] },
  ip6: { ip: "fd01::2/64", gateway: "fd01::1", routes: [{ dst: "::/0", gw: "fd01::1" }] },
  dns: {},
});
const RESULTS: Readonly<Record<(typeof SPEC_VERSIONS)[number], (pod: string) => object>> = {
  "0.1.0": FAMILIES,
  "0.2.0": FAMILIES,
  "0.3.0": LISTS,
  "0.3.1": LISTS,
  "0.4.0": LISTS,
  "1.0.0": NEWEST,
  "1.1.0": NEWEST,
};

const cases: readonly ConformanceCase[] = [
  {
    name: `bridge answers in each of the versions ${SPEC_VERSIONS.join(", ")}`,
    async run(world) {
      for (const cniVersion of SPEC_VERSIONS) {
        const ipam = { ...hostLocal(world, SUBNET, SUBNET_6), dataDir: `${world.dataDir}/${cniVersion}` };
        const pod = await attach(world, bridgeConfig(world, { cniVersion, isDefaultGateway: true, ipam }));
        const text = JSON.stringify(pod.json)
          .replaceAll(/"mac":"[^"]*"/g, '"mac":"M"')
          .replaceAll(/veth[0-9a-f]{8}/g, "veth");
        assert.deepEqual(JSON.parse(text), { cniVersion, ...RESULTS[cniVersion](pod.netns.path) });
        assert.deepEqual(await addressesOf(pod.netns, "eth0"), ["10.1.0.2/24", "fd01::2/64"]);
        await world.succeed("DEL", "bridge", pod.input);
      }
    },
  },
  {
    name: "bridge gives an address of each range set, whichever of its ranges has one",
    async run(world) {
      const tiny = { subnet: "10.1.0.0/24", rangeStart: "10.1.0.9", rangeEnd: "10.1.0.9" };
      const ranges = [[tiny, { subnet: "10.2.0.0/24" }], [{ subnet: "10.3.0.0/24" }], [{ subnet: SUBNET_6 }]];
      const config = bridgeConfig(world, { isGateway: true, ipam: { ...hostLocal(world), ranges } });
      await attach(world, { ...config, isGateway: false });
      const pod = await attach(world, config, { container: "c2" });
      assert.deepEqual(
        pod.result.ips?.map(({ address }) => address),
        ["10.2.0.2/24", "10.3.0.3/24", "fd01::3/64"],
      );
      assert.deepEqual(await addressesOf(world.node, "br0"), ["10.2.0.1/24", "10.3.0.1/24", "fd01::1/64"]);
      assert.equal(await canPing(pod.netns, "fd01::1"), true);
    },
  },
  {
    name: "bridge without IPAM connects the pod and leaves addresses to others",
    async run(world) {
      const config = bridgeConfig(world, { ipam: {} });
      const [one, two] = [await attach(world, config), await attach(world, config, { container: "c2" })];
      assert.deepEqual(Object.keys(one.json), ["cniVersion", "interfaces"]);
      await batch(one.netns, "addr add 10.8.0.1/24 dev eth0");
      await batch(two.netns, "addr add 10.8.0.2/24 dev eth0");
      assert.equal(await canPing(one.netns, "10.8.0.2"), true);
    },
  },
  {
    name: "bridge without IPAM cannot answer in version 0.2.0, and says so before it does anything",
    async run(world) {
      const pod = world.newPod();
      const config = bridgeConfig(world, { ipam: {}, cniVersion: "0.2.0" });
      await attach(world, bridgeConfig(world, { ipam: {} }), { container: "c9" });
      const before = await snapshot(world, [pod]);
      const { code, msg } = await world.fail("ADD", "bridge", { netns: pod.path, config });
      assert.equal(code, 7);
      assert.match(msg, /^Cannot answer in CNI version 0\.2\.0 without IPAM/);
      assertUnchanged(await snapshot(world, [pod]), before);
    },
  },
  {
    name: "bridge disableContainerInterface leaves the pod's end down, which CHECK knows",
    async run(world) {
      const config = bridgeConfig(world, { ipam: {}, disableContainerInterface: true });
      const pod = await attach(world, config);
      assert.equal((await showLink(pod.netns, "eth0"))?.["operstate"], "DOWN");
      const { code, msg } = await world.fail("ADD", "bridge", {
        netns: world.newPod().path,
        container: "c2",
        config: bridgeConfig(world, { disableContainerInterface: true }),
      });
      assert.deepEqual([code, msg], [7, "cannot use IPAM when DisableContainerInterface flag is set"]);
    },
  },
  {
    name: "bridge gives the pod the hardware address that is asked for: runtimeConfig beats args, args beat CNI_ARGS",
    async run(world) {
      const [byArgs, byCni, byRuntime] = ["02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:03"];
      const args = `IgnoreUnknown=1;MAC=${byArgs}`;
      const rows = [
        { expected: byArgs, more: {} },
        { expected: byCni, more: { args: { cni: { mac: byCni } } } },
        { expected: byRuntime, more: { args: { cni: { mac: byCni } }, runtimeConfig: { mac: byRuntime } } },
      ];
      for (const [index, { expected, more }] of rows.entries()) {
        const pod = await attach(world, bridgeConfig(world, more), { container: `c${index}`, args });
        assert.equal((await showLink(pod.netns, "eth0"))?.["address"], expected);
        assert.equal(pod.result.interfaces?.[2]?.mac, expected);
      }
      const pod = world.newPod();
      const before = withoutLastReserved(await snapshot(world, [pod]));
      const container = "c9";
      const multicast = bridgeConfig(world, { runtimeConfig: { mac: "01:00:5e:00:00:01" } });
      assert.equal((await world.fail("ADD", "bridge", { netns: pod.path, container, config: multicast })).code, 102);
      assertUnchanged(withoutLastReserved(await snapshot(world, [pod])), before);
    },
  },
  {
    name: "bridge gives a pod that gets an address again the same hardware address",
    async run(world) {
      const config = bridgeConfig(world, { args: { cni: { ips: ["10.1.0.77"] } } });
      const first = await attach(world, config);
      await world.succeed("DEL", "bridge", first.input);
      const second = await attach(world, config, { container: "c2" });
      assert.equal(second.result.interfaces?.[2]?.mac, first.result.interfaces?.[2]?.mac);
    },
  },
  {
    name: "bridge passes on the DNS of IPAM unless the network has its own",
    async run(world) {
      const ipam = { type: "static", addresses: [{ address: "10.1.0.5/24" }], dns: { nameservers: ["10.0.0.1"] } };
      const given = await attach(world, bridgeConfig(world, { ipam }));
      assert.deepEqual(given.json["dns"], { nameservers: ["10.0.0.1"] });
      const dns = { nameservers: ["10.0.0.2"], domain: "a.b", search: ["c"], options: ["ndots:5"] };
      const own = await attach(world, bridgeConfig(world, { ipam, dns }), { container: "c2" });
      assert.deepEqual(own.json["dns"], dns);
    },
  },
  {
    name: "bridge has IPv6 addresses ready when it answers, with and without enabledad",
    async run(world) {
      const ipam = hostLocal(world, SUBNET_6);
      for (const enabledad of [false, true]) {
        const config = bridgeConfig(world, { enabledad, isGateway: true, ipam });
        const pod = await attach(world, config, { container: `c${enabledad}` });
        const infos = at(await ipJson(pod.netns, "addr", "show", "dev", "eth0"), 0, "addr_info");
        assert.ok(Array.isArray(infos));
        assert.equal(
          infos.some(({ scope, tentative }) => scope === "global" && tentative === true),
          false,
        );
        assert.equal(await sysctlOf(pod.netns, "net.ipv6.conf.eth0.accept_dad"), enabledad ? "1" : "0");
        assert.equal(await canPing(pod.netns, "fd01::1"), true);
      }
    },
  },
  {
    name: "bridge enabledad refuses an address that another host on the link has",
    skip: { agent: "takes a second, and no process boundary is in it", "no agent": "as above" },
    async run(world) {
      const ipam = { type: "static", addresses: [{ address: "fd01::5/64" }] };
      await attach(world, bridgeConfig(world, { ipam }));
      const pod = world.newPod();
      const before = await snapshot(world, [pod]);
      const config = bridgeConfig(world, { enabledad: true, ipam });
      const { code, msg } = await world.fail("ADD", "bridge", { netns: pod.path, container: "c2", config });
      assert.deepEqual([code, msg], [101, "IPv6 address fd01::5 is used by another host on the link"]);
      assertUnchanged(await snapshot(world, [pod]), before);
    },
  },
];

conformance(cases);
