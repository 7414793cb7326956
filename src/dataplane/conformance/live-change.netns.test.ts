import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import { parseAddress } from "#base/ip-address.ts";
import { parseMacAddress } from "#base/mac-address.ts";
import { inNetns, type Netns } from "#kernel/netns/netns.ts";
import { outputIn } from "#kernel/testing/run-in-netns.ts";
import { requireRoot } from "#kernel/testing/with-netns.ts";
import { applyPlanes } from "../apply-planes.ts";
import { type Backend, type Connectivity, FAMILIES } from "../contract.ts";
import { createHostGw } from "../host-gw/apply.ts";
import { createVxlan } from "../vxlan/apply.ts";
import { ECHO_PORT, startEcho } from "./echo.ts";
import { PLANES } from "./planes.ts";
import { startTraffic } from "./traffic.ts";
import { applyTo, brokenPairs, withNetwork } from "./with-network.ts";
import { createWorld, type World } from "./world.ts";

const TCP_PORT = 7001;
const farAway = parseAddress("192.168.60.2");

test(
  "vxlan → host-gw → vxlan, node by node under traffic, loses no packet and no connection",
  requireRoot,
  async () => {
    using world = await createWorld();
    await using stack = new AsyncDisposableStack();
    const planes = world.nodes.map((node) => [createVxlan(node), createHostGw(node)] as const);
    await converge(world, planes, () => "vxlan");
    const [from, , to] = world.pods;
    assert.ok(from && to);
    for (const family of FAMILIES) stack.use(startEcho(to.netns, to.addresses[family]));
    stack.use(startTcpEcho(to.netns));
    for (const family of FAMILIES) {
      const target = { address: to.addresses[family], tcpPort: TCP_PORT, udpPort: ECHO_PORT };
      await using traffic = await startTraffic(from.netns, target);
      for (const backend of ["host-gw", "vxlan"] as const) {
        for (const index of world.nodes.keys()) {
          const other = backend === "vxlan" ? "host-gw" : "vxlan";
          await converge(world, planes, (peer) => (peer <= index ? backend : other));
        }
        assert.deepEqual(
          planes.map((pair) => pair.map((plane) => plane.observe().length)),
          planes.map(() => (backend === "vxlan" ? [4, 0] : [0, 4])),
        );
        if (backend === "vxlan") continue;
        // Everybody has changed: the links of the old back end can go.
        for (const [vxlan] of planes) await vxlan.remove(AbortSignal.timeout(5000));
      }
      const { tcpEnd, udpLost, udpSent, tcpRoundTrips } = await traffic.finish();
      assert.deepEqual({ tcpEnd, udpLost }, { tcpEnd: "", udpLost: 0 });
      assert.ok(udpSent > 10 && tcpRoundTrips > 10);
    }
  },
);

test("applyPlanes clears the entries of a peer that changed, whatever the planes' order", requireRoot, async () => {
  for (const isReversed of [false, true]) {
    using world = await createWorld();
    const [node] = world.nodes;
    const both = [createVxlan(node), createHostGw(node)];
    const planes = isReversed ? both.reverse() : both;
    const signal = AbortSignal.timeout(5000);
    await applyPlanes(
      planes,
      world.desired(0, () => "vxlan"),
      signal,
    );
    await applyPlanes(
      planes,
      world.desired(0, (peer) => (peer === 1 ? "host-gw" : "vxlan")),
      signal,
    );
    const fdb = await outputIn(node.netns, ["bridge", "fdb", "show", "dev", "flannel.1"]);
    assert.match(fdb, /dst 192\.168\.50\.3 /);
    assert.doesNotMatch(fdb, /dst 192\.168\.50\.2 /);
    const routes = await outputIn(node.netns, ["ip", "route", "show", "10.244.2.0/24"]);
    assert.equal(routes.trim(), "10.244.2.0/24 via 192.168.50.2 dev eth0 proto 113");
    const after = await applyPlanes(
      planes,
      world.desired(0, (peer) => (peer === 1 ? "host-gw" : "vxlan")),
      signal,
    );
    assert.deepEqual(after, { changes: [], problems: [] });
  }
});

test("vxlan: a peer's new MAC address takes the place of the old one", requireRoot, async () => {
  const [plane] = PLANES;
  assert.ok(plane);
  await withNetwork(plane, async ({ world, apply, desired }) => {
    const mac = parseMacAddress("02:11:22:33:44:55");
    const renewed = (index: number) => {
      const { local, peers } = desired(index);
      const withMac = <T extends { readonly name: string }>(node: T) =>
        node.name === "node2" ? { ...node, vtepMacs: { 4: mac, 6: mac } } : node;
      return { local: withMac(local), peers: peers.map(withMac) };
    };
    const [node] = world.nodes;
    const before = await outputIn(node.netns, ["bridge", "fdb", "show", "dev", "flannel.1"]);
    for (const index of world.nodes.keys()) await apply(index, renewed(index));
    const after = await outputIn(node.netns, ["bridge", "fdb", "show", "dev", "flannel.1"]);
    assert.equal(after.split("\n").length, before.split("\n").length);
    assert.match(after, /02:11:22:33:44:55 dst 192\.168\.50\.2 /);
    assert.deepEqual(await brokenPairs(world), []);
    assert.deepEqual((await apply(0, renewed(0))).changes, []);
  });
});

test("host-gw says why a peer behind a router is no next hop, and vxlan goes there", requireRoot, async () => {
  using world = await createWorld();
  const [node] = world.nodes;
  await outputIn(node.netns, ["ip", "route", "add", "192.168.60.0/24", "via", "192.168.50.3"]);
  const desired = world.desired(0, () => "host-gw");
  const peers = desired.peers.map((peer) =>
    peer.name === "node2" ? { ...peer, underlayAddresses: { ...peer.underlayAddresses, 4: farAway } } : peer,
  );
  const { problems } = await applyTo(createHostGw(node), { ...desired, peers });
  assert.deepEqual(problems, [
    {
      peer: "node2",
      family: 4,
      reason: "its node 192.168.60.2 is behind router 192.168.50.3, not on one L2 network: use vxlan for this peer",
    },
  ]);
  const tunnelled = peers.map((peer) => ({ ...peer, backend: "vxlan" as const }));
  const vxlan = createVxlan(node, { directRouting: true });
  assert.deepEqual((await applyTo(vxlan, { ...desired, peers: tunnelled })).problems, []);
  const routes = await outputIn(node.netns, ["ip", "-4", "route", "show", "proto", "112"]);
  assert.deepEqual(routes.trim().split(/\s*\n/).sort(), [
    "10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink",
    "10.244.3.0/24 via 192.168.50.3 dev eth0",
  ]);
});

/** Node by node, as agents do it: each applies both planes. */
async function converge(
  world: World,
  planes: readonly (readonly Connectivity[])[],
  backendOf: (peer: number) => Backend,
): Promise<void> {
  for (const [index, pair] of planes.entries()) {
    const { problems } = await applyPlanes(pair, world.desired(index, backendOf), AbortSignal.timeout(5000));
    assert.deepEqual(problems, []);
  }
}

function startTcpEcho(netns: Netns): Disposable {
  const server = createServer((socket) => {
    socket.on("error", () => undefined); // the client ends when it has counted
    socket.pipe(socket);
  });
  inNetns(netns, () => server.listen(TCP_PORT));
  return { [Symbol.dispose]: () => void server.close() };
}
