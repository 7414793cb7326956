import assert from "node:assert/strict";
import { test } from "node:test";
import { namedTestNetns, requireRoot } from "#kernel/testing/with-netns.ts";
import { createTestHost, errorCodeOf, resultOf } from "./testing/test-host.ts";

for (const type of ["bridge", "ptp"]) {
  test(`a configuration with ${type} as IPAM of ${type} is refused, and the agent serves on`, requireRoot, async () => {
    using host = createTestHost();
    using pod = namedTestNetns();
    await using agent = await host.startAgent();
    const container = { containerId: "c1", netns: pod.path };
    const config = { ...host.network, name: "loop", type, ipam: { type } };
    assert.equal(errorCodeOf(await agent.call({ command: "ADD", ...container, config })), 7);
    assert.equal(errorCodeOf(await agent.call({ command: "DEL", ...container, config })), 7);
    resultOf(await agent.call({ command: "ADD", ...container, config: host.network }));
  });
}
