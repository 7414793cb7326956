/** The ptp plugin on the real kernel, in each way into the plugin. */
import assert from "node:assert/strict";
import { SPEC_VERSIONS } from "#cni/spec-version.ts";
import { ipJson } from "#kernel/testing/run-in-netns.ts";
import { attach, hostLocal, ptpConfig, SUBNET, SUBNET_6 } from "./conformance/attach.ts";
import { type ConformanceCase, conformance } from "./conformance/conformance.ts";
import { addressesOf, canPing, routesOf, showLink, sysctlOf } from "./conformance/witness.ts";
import type { World } from "./conformance/world.ts";

const DEFAULT_ROUTES = [{ dst: "0.0.0.0/0" }, { dst: "::/0" }];

function dualStack(world: World) {
  return { ipam: { ...hostLocal(world, SUBNET, SUBNET_6), routes: DEFAULT_ROUTES } };
}

const cases: readonly ConformanceCase[] = [
  {
    name: "ptp gives the pod a way to its gateway and to everything behind it, and the node a way to the pod",
    async run(world) {
      const pod = await attach(world, ptpConfig(world, dualStack(world)));
      const hostLink = pod.result.interfaces?.[0]?.name ?? "";
      assert.deepEqual(
        pod.result.interfaces?.map(({ name, sandbox }) => [name, sandbox]),
        [
          [hostLink, undefined],
          ["eth0", pod.netns.path],
        ],
      );
      assert.deepEqual(pod.result.ips, [
        { address: "10.1.0.2/24", gateway: "10.1.0.1", interface: 1 },
        { address: "fd01::2/64", gateway: "fd01::1", interface: 1 },
      ]);
      assert.deepEqual(await routesOf(pod.netns), [
        "default via 10.1.0.1 dev eth0 scope global",
        "10.1.0.0/24 via 10.1.0.1 dev eth0 scope global src 10.1.0.2",
        "10.1.0.1 dev eth0 scope link src 10.1.0.2",
      ]);
      const hostRoutes = [...(await routesOf(world.node)), ...(await routesOf(world.node, 6))];
      assert.ok(hostRoutes.includes(`10.1.0.2 dev ${hostLink} scope host`), hostRoutes.join("; "));
      assert.ok(
        hostRoutes.some((route) => route.startsWith(`fd01::2 dev ${hostLink}`)),
        hostRoutes.join("; "),
      );
      assert.deepEqual(await addressesOf(world.node, hostLink), ["10.1.0.1/32", "fd01::1/128"]);
      assert.equal(await sysctlOf(world.node, "net.ipv4.ip_forward"), "1");
      assert.equal(await sysctlOf(world.node, "net.ipv6.conf.all.forwarding"), "1");
      // A pod must not be able to become the node's router.
      assert.equal(await sysctlOf(world.node, `net.ipv6.conf.${hostLink}.accept_ra`), "0");
      for (const address of ["10.1.0.1", "fd01::1"]) assert.equal(await canPing(pod.netns, address), true, address);
      assert.equal((await showLink(world.node, hostLink))?.["ifalias"], "podwire:net/c1/eth0");
    },
  },
  {
    name: "ptp leads from pod to pod through the node, both families, and to the outside as the pod itself",
    async run(world) {
      const [one, two] = [
        await attach(world, ptpConfig(world, dualStack(world))),
        await attach(world, ptpConfig(world, dualStack(world)), { container: "c2" }),
      ];
      await Promise.all([world.serve(two.netns, "tcp", 80), world.serve(world.outside, "tcp", 80)]);
      assert.equal(await world.ask(one.netns, "tcp", "10.1.0.3", 80), "10.1.0.2");
      assert.equal(await world.ask(one.netns, "tcp", "fd01::3", 80), "fd01::2");
      assert.equal(await world.ask(one.netns, "tcp", "192.0.2.2", 80), "10.1.0.2");
      assert.equal(await world.ask(one.netns, "tcp", "fd02::2", 80), "fd01::2");
      assert.equal(await world.ask(world.node, "tcp", "10.1.0.3", 80), "10.1.0.1");
      await world.succeed("DEL", "ptp", one.input);
      assert.equal(await canPing(two.netns, "10.1.0.1"), true);
    },
  },
  {
    name: "ptp ipMasq lets the outside see the node's address, and pods of the network the pod's own",
    async run(world) {
      const config = ptpConfig(world, { ...dualStack(world), ipMasq: true });
      const [one, two] = [await attach(world, config), await attach(world, config, { container: "c2" })];
      await Promise.all([world.serve(two.netns, "tcp", 80), world.serve(world.outside, "tcp", 80)]);
      assert.equal(await world.ask(one.netns, "tcp", "192.0.2.2", 80), "192.0.2.1");
      assert.equal(await world.ask(one.netns, "tcp", "fd02::2", 80), "fd02::1");
      assert.equal(await world.ask(one.netns, "tcp", "10.1.0.3", 80), "10.1.0.2");
      assert.equal(await world.ask(one.netns, "tcp", "fd01::3", 80), "fd01::2");
    },
  },
  {
    name: "ptp mtu holds for both ends, and a wrong one is refused",
    async run(world) {
      const pod = await attach(world, ptpConfig(world, { mtu: 1300 }));
      assert.deepEqual(
        pod.result.interfaces?.map(({ mtu }) => mtu),
        [1300, 1300],
      );
    },
  },
  {
    name: `ptp answers in each of the versions ${SPEC_VERSIONS.join(", ")}`,
    async run(world) {
      for (const cniVersion of SPEC_VERSIONS) {
        const ipam = { ...hostLocal(world, SUBNET), dataDir: `${world.dataDir}/${cniVersion}` };
        const pod = await attach(world, ptpConfig(world, { cniVersion, ipam }));
        const ips = pod.result.ips?.map(({ address, gateway }) => [address, gateway]);
        assert.deepEqual([pod.json["cniVersion"], ips], [cniVersion, [["10.1.0.2/24", "10.1.0.1"]]]);
        await world.succeed("DEL", "ptp", pod.input);
      }
    },
  },
  {
    name: "ptp takes the address that CNI_ARGS asks for, and the same gateway for every pod",
    async run(world) {
      const asked = await attach(world, ptpConfig(world), { args: "IP=10.1.0.77" });
      assert.deepEqual(await addressesOf(asked.netns, "eth0"), ["10.1.0.77/24"]);
      const other = await attach(world, ptpConfig(world), { container: "c2" });
      assert.equal(await canPing(other.netns, "10.1.0.77"), true);
      const links = await ipJson(world.node, "-4", "addr", "show", "to", "10.1.0.1/32");
      assert.equal(links.filter((link) => link["ifname"] !== undefined).length, 2);
    },
  },
];

conformance(cases);
