import assert from "node:assert/strict";
import { test } from "node:test";
import type { Connectivity } from "#dataplane/contract.ts";
import { createHostGw } from "#dataplane/host-gw/apply.ts";
import type { NodeKernel } from "#dataplane/run-operations.ts";
import { createUdp } from "#dataplane/udp/apply.ts";
import { createVxlan } from "#dataplane/vxlan/apply.ts";
import { requireRoot } from "#kernel/testing/with-netns.ts";
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
