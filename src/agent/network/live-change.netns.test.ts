import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import { ECHO_PORT } from "#dataplane/conformance/echo.ts";
import { startTraffic } from "#dataplane/conformance/traffic.ts";
import type { Backend } from "#dataplane/contract.ts";
import { inNetns, type Netns } from "#kernel/netns/netns.ts";
import { requireRoot } from "#kernel/testing/with-netns.ts";
import { isConnected, startAgents } from "./testing/connected.ts";
import { brokenPairs, createNetworkWorld, linkNames } from "./testing/network-world.ts";

const TCP_PORT = 7001;

const WAYS: readonly { readonly way: readonly Backend[]; readonly mayLose: boolean }[] = [
  { way: ["vxlan", "host-gw", "vxlan"], mayLose: false },
  // The proxy of the udp back end starts and stops with its thread.
  { way: ["vxlan", "udp", "host-gw", "udp", "vxlan"], mayLose: true },
];

/** Own links of each back end. */
const LINKS: Readonly<Record<Backend, readonly string[]>> = {
  vxlan: ["flannel.1", "flannel-v6.1"],
  "host-gw": [],
  udp: ["flannel0"],
};

for (const { way, mayLose } of WAYS) {
  test(`${way.join(" → ")} of all nodes at once, while connections are busy, ends none`, requireRoot, async () => {
    await using world = await createNetworkWorld({ nodes: 3, isDualStack: true });
    await using stack = new AsyncDisposableStack();
    const [first = "vxlan", ...next] = way;
    world.configure({ Type: first });
    const agents = await startAgents(world, stack);
    for (const [index, agent] of agents.entries()) {
      await agent.statusWhen(isConnected(4, first));
      await world.nodes[index]?.addPod(agent, `pod${index}`);
    }
    const [from, , to] = world.pods;
    assert.ok(from && to);
    stack.use(startTcpEcho(to.netns));
    const flows = to.addresses.map((address) =>
      startTraffic(from.netns, { address, tcpPort: TCP_PORT, udpPort: ECHO_PORT }),
    );
    const traffic = (await Promise.all(flows)).map((flow) => stack.use(flow));
    for (const backend of next) {
      world.configure({ Type: backend });
      for (const agent of agents) {
        await agent.statusWhen(
          (status) => status.network?.planes.join() === backend && isConnected(4, backend)(status),
        );
      }
      for (const node of world.nodes) {
        const links = linkNames(node).filter((name) => name.startsWith("flannel"));
        assert.deepEqual(links.toSorted(), LINKS[backend].toSorted());
      }
    }
    for (const flow of traffic) {
      const { tcpEnd, udpLost, udpSent, tcpRoundTrips } = await flow.finish();
      assert.equal(tcpEnd, "");
      if (!mayLose) assert.equal(udpLost, 0);
      assert.ok(udpSent > 10 && tcpRoundTrips > 10);
    }
    assert.deepEqual(await brokenPairs(world.pods), []);
  });
}

function startTcpEcho(netns: Netns): Disposable {
  const server = createServer((socket) => {
    socket.on("error", () => undefined); // the client ends when it has counted
    socket.pipe(socket);
  });
  inNetns(netns, () => server.listen(TCP_PORT));
  return { [Symbol.dispose]: () => void server.close() };
}
