import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { internalError } from "#api/api-error.ts";
import { configMap } from "#api/kinds/config-map.ts";
import { type Node, node as nodeKind } from "#api/kinds/node.ts";
import type { IpAddress } from "#base/ip-address.ts";
import { ask, startEcho } from "#dataplane/conformance/echo.ts";
import { BACKENDS } from "#dataplane/contract.ts";
import { vtepMac } from "#dataplane/vtep-mac.ts";
import { watchNft } from "#kernel/nfnetlink/watch-nft.ts";
import { listRoutes } from "#kernel/rtnetlink/route.ts";
import { outputIn } from "#kernel/testing/run-in-netns.ts";
import { requireRoot } from "#kernel/testing/with-netns.ts";
import { isConnected, startAgents } from "./testing/connected.ts";
import { brokenPairs, createNetworkWorld, linkNames, watchChanges } from "./testing/network-world.ts";
import { nodeWhen } from "./testing/node-when.ts";

for (const backend of BACKENDS) {
  for (const isDualStack of [false, true]) {
    const title = `${backend}${isDualStack ? ", dual stack" : ""}`;
    test(`${title}: pods of all nodes reach each other as themselves`, requireRoot, async () => {
      await using world = await createNetworkWorld({ nodes: 3, isDualStack });
      await using stack = new AsyncDisposableStack();
      world.configure({ Type: backend });
      const agents = await startAgents(world, stack);
      for (const [index, agent] of agents.entries()) {
        await agent.statusWhen(isConnected(isDualStack ? 4 : 2, backend));
        for (const id of ["a", "b"]) await world.nodes[index]?.addPod(agent, `${id}${index}`);
      }
      assert.deepEqual(await brokenPairs(world.pods), []);
    });
  }
}

test("the node's files and its announcement are Flannel's", requireRoot, async () => {
  await using world = await createNetworkWorld({ nodes: 2, isDualStack: true });
  const [node] = world.nodes;
  assert.ok(node);
  const { confDir = "", subnetFile = "" } = node.options;
  await using agent = await node.host.startAgent(node.options);
  const waiting = await agent.statusWhen(({ network }) => network?.reason.includes("ConfigMap") === true);
  assert.equal(waiting.network?.reason, "there is no ConfigMap kube-system/podwire");
  assert.ok(!existsSync(subnetFile) && !existsSync(confDir));
  world.configure({ Type: "vxlan" });
  await agent.statusWhen(({ network }) => network?.state === "ready");
  assert.equal(
    readFileSync(subnetFile, "utf8"),
    [
      "FLANNEL_NETWORK=10.244.0.0/16",
      "FLANNEL_SUBNET=10.244.1.1/24",
      "FLANNEL_IPV6_NETWORK=fd00:10:244::/48",
      "FLANNEL_IPV6_SUBNET=fd00:10:244:1::1/64",
      "FLANNEL_MTU=1430",
      "FLANNEL_IPMASQ=true\n",
    ].join("\n"),
  );
  assert.deepEqual(JSON.parse(readFileSync(join(confDir, "10-podwire.conflist"), "utf8")).plugins, [
    { type: "flannel", delegate: { hairpinMode: true, isDefaultGateway: true } },
    { type: "portmap", capabilities: { portMappings: true } },
  ]);
  const hasCondition = (object: Node): boolean => (object.status?.conditions ?? []).length > 0;
  const { metadata, status } = await nodeWhen(world.client, "node1", hasCondition);
  assert.deepEqual(metadata.annotations, {
    "flannel.alpha.coreos.com/kube-subnet-manager": "true",
    "flannel.alpha.coreos.com/backend-type": "vxlan",
    "flannel.alpha.coreos.com/public-ip": "192.168.50.1",
    "flannel.alpha.coreos.com/backend-data": `{"VNI":1,"VtepMAC":"${vtepMac("node1", 4)}"}`,
    "flannel.alpha.coreos.com/public-ipv6": "fd00:50::1",
    "flannel.alpha.coreos.com/backend-v6-data": `{"VNI":1,"VtepMAC":"${vtepMac("node1", 6)}"}`,
  });
  const [condition] = status?.conditions ?? [];
  assert.deepEqual([condition?.type, condition?.status], ["NetworkUnavailable", "False"]);
});

test("a configuration that cannot be used leaves the last one in force, and says so", requireRoot, async () => {
  await using world = await createNetworkWorld({ nodes: 2 });
  await using stack = new AsyncDisposableStack();
  world.configure({ Type: "vxlan" });
  const [agent] = await startAgents(world, stack);
  await agent?.statusWhen(isConnected(1));
  for (const break_ of [
    () => world.configure({ Type: "vxlan", Port: "many" }),
    () => world.client.remove(configMap, { namespace: "kube-system", name: "podwire" }),
  ]) {
    break_();
    const status = await agent?.statusWhen(({ network }) => network?.problems.length === 1);
    assert.match(
      String(status?.network?.problems),
      /"Backend\.Port" is "many".*last one is used|there is no ConfigMap/,
    );
    assert.equal(status?.peers?.[0]?.problem, "");
    world.configure({ Type: "vxlan" });
    await agent?.statusWhen(isConnected(1));
  }
});

test("an agent that starts again changes nothing that is right", requireRoot, async () => {
  for (const backend of ["vxlan", "host-gw"]) {
    await using world = await createNetworkWorld({ nodes: 2, isDualStack: true });
    world.configure({ Type: backend });
    const [one, two] = world.nodes;
    assert.ok(one && two);
    await using other = await two.host.startAgent(two.options);
    {
      await using first = await one.host.startAgent(one.options);
      await first.statusWhen(isConnected(2));
      await other.statusWhen(isConnected(2));
      await one.addPod(first, "a");
      await two.addPod(other, "b");
      // With the first pod the bridge has come; a run that was under way may still be about that.
      await first.statusWhen(isConnected(2));
    }
    assert.deepEqual(await brokenPairs(world.pods), []);
    const requests = world.client.requests.length;
    using kernel = watchChanges(one);
    const rules: number[] = [];
    using _ = watchNft(
      { netns: one.netns },
      { changed: ({ generation }) => rules.push(generation), lost: () => rules.push(0) },
    );
    await using again = await one.host.startAgent(one.options);
    const status = await again.statusWhen(isConnected(2));
    assert.deepEqual(status.network?.lastApply?.changes, []);
    assert.deepEqual({ kernel: kernel.changes, rules }, { kernel: [], rules: [] });
    const wrote = world.client.requests.slice(requests).filter((text) => !/^(list|watch|get) /.test(text));
    assert.deepEqual(wrote, []);
  }
});

test(
  "a node that was deleted while the agent was down is swept, but not before all nodes are listed",
  requireRoot,
  async () => {
    await using world = await createNetworkWorld({ nodes: 3 });
    world.configure({ Type: "vxlan" });
    const [one, ...others] = world.nodes;
    assert.ok(one);
    {
      await using stack = new AsyncDisposableStack();
      const agents = await startAgents(world, stack);
      for (const agent of agents) await agent.statusWhen(isConnected(2));
    }
    assert.equal(others.length, 2);
    world.client.remove(nodeKind, { name: "node3" });
    const routes = () => outputIn(one.netns, ["ip", "route", "show", "proto", "112"]);
    const before = await routes();
    world.client.fail = ({ kind }) => (kind.plural === "nodes" ? internalError("no answer") : undefined);
    {
      await using agent = await one.host.startAgent(one.options);
      const { network } = await agent.statusWhen((status) => status.network?.reason.includes("no answer") === true);
      assert.equal(network?.state, "waiting");
      assert.equal(await routes(), before);
    }
    world.client.fail = undefined;
    await using agent = await one.host.startAgent(one.options);
    await agent.statusWhen(isConnected(1));
    assert.match(await routes(), /^10\.244\.2\.0\/24 \S.*\n$/);
    const fdb = await outputIn(one.netns, ["bridge", "fdb", "show", "dev", "flannel.1"]);
    assert.match(fdb, /^\S+ dst 192\.168\.50\.2 self permanent\n$/);
    const neighbours = await outputIn(one.netns, ["ip", "neighbour", "show", "dev", "flannel.1"]);
    assert.equal(neighbours.trim(), `10.244.2.0 lladdr ${vtepMac("node2", 4)} PERMANENT`);
  },
);

test("pods leave the pod network under the node's address, and keep theirs within it", requireRoot, async () => {
  await using world = await createNetworkWorld({ nodes: 2, isDualStack: true });
  await using stack = new AsyncDisposableStack();
  world.configure({ Type: "vxlan" });
  const agents = await startAgents(world, stack);
  for (const [index, agent] of agents.entries()) {
    await agent.statusWhen(isConnected(2));
    await world.nodes[index]?.addPod(agent, `p${index}`);
  }
  const [node] = world.nodes;
  const [pod] = world.pods;
  assert.ok(node && pod);
  const { netns, addresses } = world.outside;
  for (const [index, family] of ([4, 6] as const).entries()) {
    stack.use(startEcho(netns, addresses[family]));
    const inside: IpAddress = pod.addresses[index] ?? assert.fail();
    assert.equal(await ask(pod.netns, inside, addresses[family]), node.underlay[family]);
  }
  // Who comes from outside to a pod of this node is seen by its address.
  await outputIn(netns, ["ip", "route", "add", "10.244.1.0/24", "via", "192.168.50.1"]);
  const [inside] = pod.addresses;
  assert.ok(inside);
  assert.equal(await ask(netns, addresses[4], inside), addresses[4]);
  assert.deepEqual(await brokenPairs(world.pods), []);
});

test("a peer behind a router is reached by vxlan, whatever the configuration", requireRoot, async () => {
  await using world = await createNetworkWorld({ nodes: 3, isDualStack: true, behindRouter: 3 });
  await using stack = new AsyncDisposableStack();
  world.configure({ Type: "host-gw" });
  const agents = await startAgents(world, stack);
  for (const [index, agent] of agents.entries()) {
    const { peers = [] } = await agent.statusWhen(isConnected(4));
    assert.deepEqual(
      new Set(peers.map(({ peer, backend }) => `${peer} ${backend}`)),
      new Set(
        [1, 2, 3]
          .filter((one) => one !== index + 1)
          .map((one) => `node${one} ${one === 3 || index === 2 ? "vxlan" : "host-gw"}`),
      ),
    );
    await world.nodes[index]?.addPod(agent, `p${index}`);
  }
  assert.deepEqual(await brokenPairs(world.pods), []);
  // Nobody is behind the router any more: the tunnel's links go.
  world.client.remove(nodeKind, { name: "node3" });
  await agents[0]?.statusWhen(isConnected(2, "host-gw"));
  await agents[0]?.statusWhen(({ network }) => network?.podMtuBytes === 1500);
  assert.deepEqual(
    linkNames(world.nodes[0] ?? assert.fail()).filter((name) => name.startsWith("flannel")),
    [],
  );
  assert.equal(listRoutes(world.nodes[0]?.socket ?? assert.fail(), { protocol: 112 }).length, 0);
});
