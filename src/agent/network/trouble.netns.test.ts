import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { serviceUnavailableError } from "#api/api-error.ts";
import { parseAddress } from "#base/ip-address.ts";
import { inNetns } from "#kernel/netns/netns.ts";
import { outputIn } from "#kernel/testing/run-in-netns.ts";
import { requireRoot } from "#kernel/testing/with-netns.ts";
import { isConnected, startAgents } from "./testing/connected.ts";
import { brokenPairs, createNetworkWorld } from "./testing/network-world.ts";
import { nodeWhen } from "./testing/node-when.ts";

test(
  "without the API what is there is repaired all the same, and what was to be announced is announced later",
  requireRoot,
  async () => {
    await using world = await createNetworkWorld({ nodes: 2 });
    await using stack = new AsyncDisposableStack();
    world.configure({ Type: "vxlan" });
    const agents = await startAgents(world, stack);
    for (const [index, agent] of agents.entries()) {
      await agent.statusWhen(isConnected(1));
      await world.nodes[index]?.addPod(agent, `pod${index}`);
    }
    const [node] = world.nodes;
    const [agent] = agents;
    assert.ok(node && agent);
    world.client.fail = () => serviceUnavailableError("the API is gone");
    world.client.endWatches(new Error("cut"));
    for (const damage of ["ip link delete flannel.1", "ip link delete cni0", "nft flush ruleset"]) {
      await outputIn(node.netns, ["sh", "-c", damage]);
      await agent.statusWhen(({ network }) => network?.drift.length === 0);
      assert.deepEqual(await brokenPairs(world.pods), [], damage);
    }
    const address = "192.168.50.77";
    await outputIn(node.netns, [
      "sh",
      "-ec",
      `ip address delete 192.168.50.1/24 dev eth0; ip address add ${address}/24 dev eth0; ip route replace default via 192.168.50.254`,
    ]);
    const { network } = await agent.statusWhen((status) => status.network?.underlay[0]?.includes(address) === true);
    assert.equal(network?.state, "ready");
    await agent.statusWhen((status) =>
      /this node is not announced: .*the API is gone/.test(String(status.network?.problems)),
    );
    world.client.fail = undefined;
    await nodeWhen(world.client, "node1", ({ metadata }) =>
      Object.values(metadata.annotations ?? {}).includes(address),
    );
  },
);

test("a back end that cannot run is told, and keeps nothing else from working", requireRoot, async () => {
  await using world = await createNetworkWorld({ nodes: 1 });
  const [node] = world.nodes;
  assert.ok(node);
  const socket = createSocket({ type: "udp4", lookup: (host, _, done) => done(null, host, 4) });
  // Without a name to look up it is bound at once.
  inNetns(node.netns, () => socket.bind(8285, parseAddress("192.168.50.1")));
  world.configure({ Type: "udp" });
  await using agent = await node.host.startAgent(node.options);
  const { network } = await agent.statusWhen((status) => status.network?.state === "failing");
  assert.match(network?.reason ?? "", /Cannot start the udp proxy on port 8285: .*EADDRINUSE/);
  const ruleset = await outputIn(node.netns, ["nft", "list", "set", "inet", "podwire", "node_pods4"]);
  assert.match(ruleset, /10\.244\.1\.0\/24/);
  socket.close();
  await agent.statusWhen(isConnected(0));
});

test("another configuration that comes before ours is told", requireRoot, async () => {
  await using world = await createNetworkWorld({ nodes: 1 });
  const [node] = world.nodes;
  const folder = node?.options.confDir;
  assert.ok(node && folder !== undefined);
  mkdirSync(folder);
  const rival = join(folder, "10-flannel.conflist");
  writeFileSync(rival, "{}");
  world.configure({ Type: "vxlan" });
  await using agent = await node.host.startAgent(node.options);
  const { network } = await agent.statusWhen((status) => status.network?.state === "ready");
  assert.deepEqual(network?.problems, [
    `"${rival}" comes before "10-podwire.conflist", so runtimes use it instead: move it away`,
  ]);
  rmSync(rival);
  world.configure({ Type: "host-gw" });
  await agent.statusWhen(isConnected(0));
});

const FIREWALLS = {
  iptables: ["iptables -P FORWARD DROP", "ip6tables -P FORWARD DROP"],
  nft: [
    "nft add table inet fw",
    "nft 'add chain inet fw passing { type filter hook forward priority 0; policy drop; }'",
  ],
} as const;

for (const [program, commands] of Object.entries(FIREWALLS)) {
  test(
    `a firewall by ${program} that drops what nodes forward is told, with commands that end it`,
    requireRoot,
    async () => {
      await using world = await createNetworkWorld({ nodes: 1, isDualStack: true });
      const [node] = world.nodes;
      assert.ok(node);
      const run = (script: string) => outputIn(node.netns, ["sh", "-ec", script]);
      world.configure({ Type: "vxlan" });
      await using agent = await node.host.startAgent(node.options);
      await agent.statusWhen(isConnected(0));
      await run(commands.join("\n"));
      const problems = (await agent.status()).network?.problems ?? [];
      assert.equal(problems.length, 2, problems.join("\n"));
      assert.match(problems.join("\n"), /10\.244\.0\.0\/16[\s\S]*fd00:10:244::\/48/);
      for (const problem of problems) {
        const [, fix = ""] = /: run (.*)$/.exec(problem) ?? [];
        assert.match(
          fix,
          new RegExp(
            `^${program === "nft" ? "nft insert rule inet fw passing" : "ip6?tables -I FORWARD"} .*accept`,
            "i",
          ),
        );
        await run(fix);
      }
      assert.deepEqual((await agent.status()).network?.problems, []);
    },
  );
}
