import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import type { JsonObject } from "#base/json.ts";
import { ask, startEcho } from "#dataplane/conformance/echo.ts";
import { findLink, setLink } from "#kernel/rtnetlink/link.ts";
import { outputIn } from "#kernel/testing/run-in-netns.ts";
import { requireRoot } from "#kernel/testing/with-netns.ts";
import type { TestAgent } from "../testing/test-host.ts";
import { isConnected, startAgents } from "./testing/connected.ts";
import { brokenPairs, createNetworkWorld, type NetworkWorld, type WorldNode } from "./testing/network-world.ts";

interface Scene {
  readonly world: NetworkWorld;
  readonly agents: readonly TestAgent[];
  readonly node: WorldNode;
  readonly agent: TestAgent;
  run(command: string): Promise<string>;
}

/** Two nodes with a pod each, and a second one on the first. */
async function withScene(backend: JsonObject, body: (scene: Scene) => Promise<void>): Promise<void> {
  await using world = await createNetworkWorld({ nodes: 2, isDualStack: true });
  await using stack = new AsyncDisposableStack();
  world.configure(backend);
  const agents = await startAgents(world, stack);
  const [node] = world.nodes;
  const [agent] = agents;
  assert.ok(node && agent);
  for (const [index, one] of agents.entries()) {
    await one.statusWhen(isConnected(2));
    await world.nodes[index]?.addPod(one, `pod${index}`);
  }
  await node.addPod(agent, "second");
  for (const one of agents) await one.statusWhen(isConnected(2));
  await body({ world, agents, node, agent, run: (command) => outputIn(node.netns, ["sh", "-ec", command]) });
}

const STATE = [
  "ip -br link show",
  "ip -br address show",
  "ip route show; ip -6 route show",
  "ip neighbour show nud permanent; ip -6 neighbour show nud permanent",
  "for link in flannel.1 flannel-v6.1; do ip link show $link >/dev/null 2>&1 && bridge fdb show dev $link; done; true",
  "nft list table inet podwire",
];

/** Without what the kernel adds by itself, or sets in its own time. */
async function stateOf({ run }: Pick<Scene, "run">): Promise<string> {
  const texts = await Promise.all(STATE.map(run));
  return texts
    .flatMap((text) => text.split("\n"))
    .map((line) =>
      line
        .replace(/\bfe80::\S+|@if\d+| (UP|DOWN|UNKNOWN)\b|NO-CARRIER,|,LOWER_UP/g, "")
        .replace(/ +/g, " ")
        .trim(),
    )
    .filter((line) => line !== "" && !/^(dev \S+ proto kernel|multicast) /.test(line))
    .toSorted()
    .join("\n");
}

const COMMON = [
  "ip link delete cni0",
  "ip address flush dev cni0 scope global",
  "ip link set cni0 down; ip address replace fd00:10:244:1::1/64 dev cni0 nodad",
  "ip link set $(ip -br link show type veth master cni0 | head -n 1 | cut -d@ -f1) nomaster",
  "ip route delete 10.244.2.0/24",
  "ip -6 route delete fd00:10:244:2::/64",
  "nft delete element inet podwire node_pods4 { 10.244.1.0/24 }",
  "nft flush set inet podwire pod_networks6",
  "nft flush chain inet podwire pod-networks",
  "nft delete table inet podwire",
  "nft flush ruleset",
];

const DAMAGES = {
  vxlan: [
    ...COMMON,
    "ip link delete flannel.1",
    "ip link delete flannel-v6.1",
    "ip link set flannel.1 down",
    "ip link set flannel.1 address 02:00:00:00:00:99",
    "ip neighbour flush dev flannel.1 nud permanent",
    "bridge fdb show dev flannel.1 | while read mac rest; do bridge fdb delete $mac dev flannel.1; done",
    "bridge fdb append 00:00:00:00:00:00 dst 192.168.50.9 dev flannel.1",
  ],
  "host-gw": [
    ...COMMON,
    "ip route replace 10.244.2.0/24 via 192.168.50.100 proto 113",
    "ip link set eth0 down; ip link set eth0 up; ip address replace fd00:50::1/64 dev eth0 nodad; " +
      "ip route replace default via 192.168.50.254; ip -6 route replace default via fd00:50::254",
  ],
  udp: [...COMMON, "ip link delete flannel0", "ip link set flannel0 down", "ip address flush dev flannel0"],
} as const;

for (const [backend, damages] of Object.entries(DAMAGES)) {
  test(`${backend}: what is taken away by hand is back at once, and pods reach each other`, requireRoot, () =>
    withScene({ Type: backend }, async (scene) => {
      const { world, agent, run } = scene;
      const before = await stateOf(scene);
      for (const damage of damages) {
        await run(damage);
        await agent.statusWhen(isConnected(2, undefined));
        assert.equal(await stateOf(scene), before, damage);
        assert.deepEqual(await brokenPairs(world.pods), [], damage);
      }
    }),
  );
}

test("the files for runtime and plugins are back at once", requireRoot, () =>
  withScene({ Type: "vxlan" }, async ({ node: { options }, agent, run }) => {
    const paths = [options.subnetFile ?? "", join(options.confDir ?? "", "10-podwire.conflist")];
    const before = paths.map((path) => readFileSync(path, "utf8"));
    for (const damage of [`rm ${paths[0]}`, `echo other >${paths[1]}`, `rm -r ${options.confDir}`]) {
      await run(damage);
      await agent.statusWhen(() => paths.every((path) => existsSync(path)));
      await agent.statusWhen(() =>
        isDeepStrictEqual(
          paths.map((path) => readFileSync(path, "utf8")),
          before,
        ),
      );
    }
  }),
);

test("an MTU of the underlay that changes is followed, in subnet.env too", requireRoot, () =>
  withScene({ Type: "vxlan" }, async ({ node, agent, run }) => {
    const eth0 = findLink(node.socket, { name: "eth0" })?.ifindex ?? assert.fail();
    setLink(node.socket, eth0, { mtu: 1400 });
    await agent.statusWhen(({ network }) => network?.podMtuBytes === 1330 && network.drift.length === 0);
    assert.match(await run("ip link show flannel.1"), / mtu 1350 /);
    assert.match(await run("ip link show flannel-v6.1"), / mtu 1330 /);
    assert.match(await run(`cat ${node.options.subnetFile}`), /^FLANNEL_MTU=1330$/m);
  }),
);

test("an address of the underlay that changes is followed by the node and its peers", requireRoot, () =>
  withScene({ Type: "vxlan" }, async ({ world, agents, agent, run }) => {
    await run(
      "ip address delete 192.168.50.1/24 dev eth0; ip address add 192.168.50.77/24 dev eth0; ip route replace default via 192.168.50.254",
    );
    const isAt = (address: string) => (texts: readonly (string | undefined)[] | undefined) =>
      texts?.some((text) => text?.includes(address)) === true;
    await agent.statusWhen(({ network }) => isAt("192.168.50.77")(network?.underlay));
    await agents[1]?.statusWhen(({ peers }) => isAt("192.168.50.77")(peers?.map(({ address }) => address)));
    for (const one of agents) await one.statusWhen(isConnected(2));
    assert.deepEqual(await brokenPairs(world.pods), []);
  }),
);

test("an underlay that is gone for a while is found when it is back", requireRoot, () =>
  withScene({ Type: "vxlan" }, async ({ world, agents, agent, run }) => {
    await run("ip address delete 192.168.50.1/24 dev eth0");
    await agent.statusWhen(({ network }) => network?.problems.some((text) => text.includes("IPv4")) === true);
    await run("ip address add 192.168.50.1/24 dev eth0; ip route replace default via 192.168.50.254");
    for (const one of agents) await one.statusWhen(isConnected(2));
    assert.deepEqual(await brokenPairs(world.pods), []);
  }),
);

test("masquerade is back after the ruleset was flushed", requireRoot, () =>
  withScene({ Type: "host-gw" }, async ({ world, node, agent, run }) => {
    await using stack = new AsyncDisposableStack();
    const [pod] = world.pods;
    const inside = pod?.addresses[0];
    assert.ok(pod && inside);
    const { netns, addresses } = world.outside;
    stack.use(startEcho(netns, addresses[4]));
    await run("nft flush ruleset");
    await agent.statusWhen(isConnected(2));
    assert.equal(await ask(pod.netns, inside, addresses[4]), node.underlay[4]);
  }),
);
