import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress, parsePrefix } from "#base/ip-address.ts";
import type { DesiredNetwork, Peer } from "./contract.ts";
import { peerEndpoints } from "./peer-endpoints.ts";

function peer(name: string, podPrefix: string, address?: string): Peer {
  return {
    name,
    backend: "vxlan",
    podPrefixes: { 4: parsePrefix(podPrefix) },
    underlayAddresses: address === undefined ? {} : { 4: parseAddress(address) },
  };
}

function desired(...peers: readonly Peer[]): DesiredNetwork {
  const underlay = { 4: { link: "eth0", address: parseAddress("192.168.50.1") } };
  return { local: { name: "node1", podPrefixes: { 4: parsePrefix("10.244.1.0/24") }, underlay }, peers };
}

test("peerEndpoints takes the peers of its back end and not the node itself", () => {
  const others = [peer("node1", "10.244.1.0/24", "192.168.50.1"), peer("node2", "10.244.2.0/24", "192.168.50.2")];
  const { endpoints, problems } = peerEndpoints(desired(...others), "vxlan");
  assert.deepEqual(
    endpoints.map((endpoint) => endpoint.peer),
    ["node2"],
  );
  assert.deepEqual(problems, []);
  assert.deepEqual(peerEndpoints(desired(...others), "udp").endpoints, []);
});

const WRONG = [
  [peer("node3", "10.244.3.0/24"), /no IPv4 address/],
  [peer("node3", "10.244.1.128/25", "192.168.50.3"), /overlaps 10\.244\.1\.0\/24 of node "node1"/],
  [peer("node3", "10.244.2.0/25", "192.168.50.3"), /overlaps 10\.244\.2\.0\/24 of node "node2"/],
  [peer("node3", "10.244.3.0/24", "192.168.50.1"), /this node's own address/],
] as const;
for (const [wrong, reason] of WRONG) {
  test(`peerEndpoints leaves out only the peer that is wrong: ${reason.source}`, () => {
    const good = peer("node2", "10.244.2.0/24", "192.168.50.2");
    const { endpoints, problems } = peerEndpoints(desired(wrong, good), "vxlan");
    assert.deepEqual(
      endpoints.map((endpoint) => endpoint.peer),
      ["node2"],
    );
    assert.equal(problems.length, 1);
    assert.match(problems[0]?.reason ?? "", reason);
  });
}
