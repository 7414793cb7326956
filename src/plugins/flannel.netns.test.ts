/** The flannel plugin with its real delegate on the real kernel, in each way into the plugin. */
import assert from "node:assert/strict";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject } from "#base/json.ts";
import { attach } from "./conformance/attach.ts";
import { type ConformanceCase, conformance } from "./conformance/conformance.ts";
import { addressesOf, at, disk, elements, routesOf, showLink } from "./conformance/witness.ts";
import type { World } from "./conformance/world.ts";

const SUBNET_ENV = `FLANNEL_NETWORK=10.1.0.0/16
FLANNEL_SUBNET=10.1.7.1/24
FLANNEL_IPV6_NETWORK=fd01::/48
FLANNEL_IPV6_SUBNET=fd01:0:0:7::1/64
FLANNEL_MTU=1450
FLANNEL_IPMASQ=false
`;

function flannelConfig(world: World, more: JsonObject = {}): JsonObject {
  return {
    cniVersion: "1.1.0",
    name: "cbr0",
    type: "flannel",
    subnetFile: join(world.folder, "subnet.env"),
    dataDir: join(world.folder, "flannel"),
    ipam: { dataDir: world.dataDir },
    delegate: { hairpinMode: true, isDefaultGateway: true },
    ...more,
  };
}

function writeSubnetEnv(world: World, text = SUBNET_ENV): void {
  writeFileSync(join(world.folder, "subnet.env"), text);
}

const cases: readonly ConformanceCase[] = [
  {
    name: "flannel makes a bridge as subnet.env says, and leaves nothing behind DEL",
    async run(world) {
      writeSubnetEnv(world);
      const pod = await attach(world, flannelConfig(world));
      assert.deepEqual(await addressesOf(pod.netns, "eth0"), ["10.1.7.2/24", "fd01:0:0:7::2/64"]);
      assert.deepEqual(await addressesOf(world.node, "cni0"), ["10.1.7.1/24", "fd01:0:0:7::1/64"]);
      const routes = [...(await routesOf(pod.netns)), ...(await routesOf(pod.netns, 6))];
      for (const start of ["10.1.0.0/16 via 10.1.7.1", "fd01::/48 via fd01:0:0:7::1", "default via 10.1.7.1"]) {
        assert.ok(
          routes.some((route) => route.startsWith(start)),
          `no route ${start} in ${routes.join("; ")}`,
        );
      }
      const port = await showLink(world.node, pod.result.interfaces?.[1]?.name ?? "");
      assert.deepEqual([port?.["mtu"], at(port, "linkinfo", "info_slave_data", "hairpin")], [1450, true]);
      await world.serve(world.outside, "tcp", 80);
      assert.equal(await world.ask(pod.netns, "tcp", "192.0.2.2", 80), "192.0.2.1");
      assert.match(disk(join(world.folder, "flannel")), /^c1: /);
      await world.succeed("DEL", "flannel", pod.input);
      assert.equal(disk(join(world.folder, "flannel")), "");
    },
  },
  {
    name: "flannel DEL and CHECK go by what ADD was, whatever subnet.env says by now",
    async run(world) {
      writeSubnetEnv(world);
      const pod = await attach(world, flannelConfig(world));
      writeSubnetEnv(world, SUBNET_ENV.replaceAll("10.1.", "10.2.").replace("IPMASQ=false", "IPMASQ=true"));
      await world.succeed("CHECK", "flannel", pod.input);
      rmSync(join(world.folder, "subnet.env"));
      await world.succeed("DEL", "flannel", { ...pod.input, netns: "" });
      assert.deepEqual(await elements(world.node), []);
    },
  },
  {
    name: "flannel GC keeps what is listed",
    async run(world) {
      writeSubnetEnv(world);
      const config = flannelConfig(world);
      await attach(world, config);
      const kept = await attach(world, config, { container: "c2" });
      const valid = { "cni.dev/valid-attachments": [{ containerID: "c2", ifname: "eth0" }] };
      await world.succeed("GC", "flannel", { config: { ...config, ...valid } });
      assert.match(disk(join(world.folder, "flannel")), /^c2: [^\n]*$/);
      assert.equal((await elements(world.node)).length, 2);
      await world.succeed("CHECK", "flannel", kept.input);
    },
  },
  {
    name: "flannel without subnet.env is to be tried again, and says so to STATUS",
    async run(world) {
      const config = flannelConfig(world);
      const pod = world.newPod();
      assert.equal((await world.fail("ADD", "flannel", { netns: pod.path, config })).code, 11);
      const { code, msg } = await world.fail("STATUS", "flannel", { config });
      assert.equal(code, 50);
      assert.match(msg, /subnet\.env: no such file/);
      await world.succeed("DEL", "flannel", { netns: pod.path, config });
      assert.equal(existsSync(join(world.folder, "flannel")), false);
      assert.equal(await showLink(world.node, "cni0"), undefined);
      writeSubnetEnv(world);
      await world.succeed("STATUS", "flannel", { config });
      await attach(world, config, { netns: pod });
    },
  },
];

conformance(cases);
