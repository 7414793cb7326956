import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "#base/ip-address.ts";
import type { Connectivity } from "#dataplane/contract.ts";
import { createHostGw } from "#dataplane/host-gw/apply.ts";
import type { NodeKernel } from "#dataplane/run-operations.ts";
import { createUdp } from "#dataplane/udp/apply.ts";
import { createVxlan } from "#dataplane/vxlan/apply.ts";
import { createNetlinkSocket, NETLINK_ROUTE } from "#kernel/netlink/socket.ts";
import { listNeighbours } from "#kernel/rtnetlink/neighbour.ts";
import { requireRoot } from "#kernel/testing/with-netns.ts";
import type { AccessPod, ClusterAccess } from "#trace/cluster-access.ts";
import { createClusterWorld } from "#trace/testing/cluster-world.ts";
import { checkNetwork } from "./check-network.ts";
import { CHECKS } from "./plan-probes.ts";

const PLANES: readonly [Connectivity["backend"], (kernel: NodeKernel) => Connectivity][] = [
  ["vxlan", (kernel) => createVxlan(kernel)],
  ["host-gw", createHostGw],
  ["udp", (kernel) => createUdp(kernel)],
];

for (const [backend, create] of PLANES) {
  test(`checkNetwork passes every check on a sound ${backend} network, both families`, requireRoot, async () => {
    await using net = await createClusterWorld(create, backend);
    const report = await checkNetwork(net.access, { signal: AbortSignal.timeout(30_000) });
    const bad = report.checks.filter(({ status }) => status !== "passed");
    assert.deepEqual(bad, []);
    assert.deepEqual(new Set(report.checks.map(({ name }) => name)), new Set(Object.keys(CHECKS)));
    for (const { count } of report.checks) assert.ok(count > 0);
  });
}

const signal = (): AbortSignal => AbortSignal.timeout(30_000);

test("checkNetwork in waves: passes, and forgets what a wave has taught before the next one", requireRoot, async () => {
  await using net = await createClusterWorld(createHostGw, "host-gw");
  // Room for one pair at a time: the last wave is of two pods of one node.
  const report = await checkNetwork(net.access, { neighbourLimit: 3, signal: signal() });
  assert.deepEqual(
    report.checks.filter(({ status }) => status !== "passed"),
    [],
  );
  assert.match(report.note ?? "", /^sent in \d\d waves: .* tables of 3 entries$/);
  const learned = net.world.nodes.flatMap(({ netns, pods }) =>
    [netns, ...pods.map((pod) => pod.netns)].flatMap((where) => {
      using socket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns: where });
      return listNeighbours(socket, { family: 4 }).filter(({ state }) => /reachable|stale|delay|probe/.test(state));
    }),
  );
  // Of all waves together there would be 30; the end of a TCP connection may ask again.
  assert.ok(learned.length >= 2 && learned.length < 10, `${learned.length}`);
});

/** A pod that the API tells of, and that has no sandbox any more. */
const GONE: AccessPod = {
  namespace: "default",
  name: "gone",
  uid: "gone",
  node: "node1",
  ips: [parseAddress("10.244.1.200")],
  netnsPath: "/proc/1/root/nowhere",
  isHostNetwork: false,
};

test(
  "checkNetwork: a pod that went away during the check is skipped, one that stays without a sandbox has failed",
  requireRoot,
  async () => {
    await using net = await createClusterWorld(createHostGw, "host-gw");
    const then: ClusterAccess = { ...net.access, pods: [...net.access.pods, GONE] };
    const went = await checkNetwork({ ...then, again: async () => net.access }, { signal: signal() });
    assert.deepEqual(went.skippedPods, [{ pod: "default/gone", reason: "went away during the check" }]);
    assert.deepEqual(
      went.checks.filter(({ status }) => status !== "passed"),
      [],
    );
    assert.equal(went.pods, 6);
    const stayed = await checkNetwork({ ...then, again: async () => then }, { answerTimeoutMs: 500, signal: signal() });
    assert.equal(stayed.skippedPods, undefined);
    const failed = stayed.checks.filter(({ status }) => status === "failed").map(({ name }) => name);
    assert.ok(failed.includes("pod-address") && failed.includes("pod-to-pod-same-node"), failed.join());
  },
);

test(
  "checkNetwork: an address without a pod is a leak when it is there at the second look, too",
  requireRoot,
  async () => {
    await using net = await createClusterWorld(createHostGw, "host-gw");
    const attachments = [{ containerId: "c", ifname: "eth0", addresses: [parseAddress("10.244.1.200")] }];
    const [first, ...others] = net.access.nodes;
    assert.ok(first);
    const leaky: ClusterAccess = { ...net.access, nodes: [{ ...first, attachments }, ...others] };
    const leaks = async (later: ClusterAccess): Promise<string | undefined> => {
      const { checks } = await checkNetwork({ ...leaky, again: async () => later }, { signal: signal() });
      return checks.find(({ name }) => name === "leaks")?.status;
    };
    assert.equal(await leaks(leaky), "failed");
    assert.equal(await leaks(net.access), "passed");
  },
);
