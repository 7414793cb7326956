/** The loopback plugin on the real kernel, in each way into the plugin. */
import assert from "node:assert/strict";
import { attach, bridgeConfig } from "./conformance/attach.ts";
import { type ConformanceCase, conformance } from "./conformance/conformance.ts";
import { at, canPing, showLink } from "./conformance/witness.ts";
import { batch } from "./conformance/world.ts";

const config = { cniVersion: "1.1.0", name: "cni-loopback", type: "loopback" };

const cases: readonly ConformanceCase[] = [
  {
    name: "loopback sets lo up, tells its addresses, and DEL sets it down again",
    async run(world) {
      const pod = await attach(world, config, { ifname: "lo" });
      assert.deepEqual(pod.json, {
        cniVersion: "1.1.0",
        interfaces: [{ mac: "00:00:00:00:00:00", name: "lo", sandbox: pod.netns.path }],
        ips: [
          { address: "127.0.0.1/8", interface: 0 },
          { address: "::1/128", interface: 0 },
        ],
      });
      assert.equal(await canPing(pod.netns, "127.0.0.1"), true);
      await world.succeed("DEL", "loopback", pod.input);
      assert.deepEqual(at(await showLink(pod.netns, "lo"), "flags"), ["LOOPBACK"]);
      const { code, msg } = await world.fail("CHECK", "loopback", pod.input);
      assert.deepEqual([code, msg], [103, "loopback interface is down"]);
      await world.succeed("DEL", "loopback", pod.input);
      await world.succeed("DEL", "loopback", { ...pod.input, netns: "/run/netns/none" });
      await world.succeed("DEL", "loopback", { ...pod.input, netns: "" });
    },
  },
  {
    name: "loopback works whatever the interface is called, beside the pod's network, and passes a result on",
    async run(world) {
      const pod = await attach(world, bridgeConfig(world));
      const chained = { ...pod.input, config: { ...config, prevResult: pod.json } };
      assert.deepEqual((await world.add("loopback", chained)).json, pod.json);
      await world.succeed("CHECK", "loopback", chained);
      assert.equal(await canPing(pod.netns, "10.1.0.2"), true);
    },
  },
  {
    name: "loopback refuses a lo with an address of another kind",
    async run(world) {
      const pod = world.newPod();
      await batch(pod, "addr add 10.8.0.1/32 dev lo");
      const { code, msg } = await world.fail("ADD", "loopback", { netns: pod.path, ifname: "lo", config });
      assert.deepEqual([code, msg], [104, "loopback interface has non-loopback address 10.8.0.1"]);
    },
  },
];

conformance(cases);
