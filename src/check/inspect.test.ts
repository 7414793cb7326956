import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress, parsePrefix } from "#base/ip-address.ts";
import type { ClusterAccess } from "#trace/cluster-access.ts";
import { changed, smallWorld } from "#trace/testing/small-world.ts";
import { inspectDuplicates, inspectLeaks, inspectPodAddresses } from "./inspect.ts";

const access: ClusterAccess = {
  name: "test",
  nodes: [1, 2].map((number) => ({
    name: `node${number}`,
    netnsPath: "/node",
    underlayAddresses: [parseAddress(`192.0.2.${number}`)],
    podCidrs: [parsePrefix(`10.244.${number}.0/24`)],
    attachments: [{ containerId: `c${number}`, ifname: "eth0", addresses: [parseAddress(`10.244.${number}.2`)] }],
  })),
  pods: [
    {
      namespace: "default",
      name: "a",
      uid: "a",
      node: "node1",
      ips: [parseAddress("10.244.1.2")],
      netnsPath: "/a",
      isHostNetwork: false,
    },
    {
      namespace: "default",
      name: "b",
      uid: "b",
      node: "node2",
      ips: [parseAddress("10.244.2.2")],
      netnsPath: "/b",
      isHostNetwork: false,
    },
    {
      namespace: "kube-system",
      name: "h",
      uid: "h",
      node: "node2",
      ips: [parseAddress("192.0.2.2")],
      netnsPath: "/h",
      isHostNetwork: true,
    },
  ],
};
const [a, b, h] = access.pods;
assert.ok(a && b && h);

test("nothing is found in a sound world, and something was looked at", () => {
  for (const { findings, looked } of [
    inspectPodAddresses(access, smallWorld()),
    inspectDuplicates(access, smallWorld()),
    inspectLeaks(access, smallWorld()),
  ]) {
    assert.deepEqual(findings, []);
    assert.ok(looked > 0);
  }
});

test("inspectPodAddresses: API and kernel differ, no address, no sandbox, a node that does not run", () => {
  const causes = (pods: ClusterAccess["pods"], nodes = access.nodes, world = smallWorld()) =>
    inspectPodAddresses({ ...access, pods, nodes }, world).findings.map(({ cause, hop }) => `${cause} ${hop}`);
  assert.deepEqual(causes([{ ...a, ips: [parseAddress("10.244.1.3")] }]), ["missing address pod default/a"]);
  assert.deepEqual(causes([{ ...a, ips: [] }]), ["missing address pod default/a"]);
  assert.deepEqual(causes([{ ...h, ips: [parseAddress("192.0.2.7")] }]), ["missing address pod kube-system/h"]);
  assert.deepEqual(causes([{ ...a, name: "c" }]), ["not read pod default/c"]);
  const stopped = access.nodes.map((node) => ({ ...node, netnsPath: undefined }));
  assert.deepEqual(causes([a], stopped), ["dead peer node1"]);
  const more = changed(smallWorld(), "pod default/a", ({ addresses }) => ({
    addresses: [...addresses, ...addresses.map((one) => ({ ...one, prefix: parsePrefix("10.244.1.9/24") }))],
  }));
  assert.deepEqual(causes([a], access.nodes, more), ["missing address pod default/a"]);
});

test("inspectDuplicates: in two namespaces, or in two pods of the API", () => {
  const twice = changed(smallWorld(), "pod default/b", ({ addresses }) => ({
    addresses: [...addresses, ...addresses.map((one) => ({ ...one, prefix: parsePrefix("10.244.1.2/24") }))],
  }));
  const [found] = inspectDuplicates(access, twice).findings;
  assert.match(found?.message ?? "", /10\.244\.1\.2 is at 2 places: pod default\/a, pod default\/b/);
  const pods = [a, { ...b, ips: a.ips }];
  assert.equal(inspectDuplicates({ ...access, pods }, smallWorld()).findings.length, 1);
});

test("inspectLeaks: an address given out to no pod, a veth without an end, and no pod's own", () => {
  const gone = inspectLeaks({ ...access, pods: [b, h] }, smallWorld()).findings;
  assert.deepEqual(
    gone.map(({ hop, evidence }) => [hop, evidence[0]]),
    [["node1", "host-local: container c1 eth0"]],
  );
  const open = changed(smallWorld(), "node1", ({ peers }) => ({
    peers: new Map([...peers].filter(([ifindex]) => ifindex !== 3)),
  }));
  assert.deepEqual(
    inspectLeaks(access, open).findings.map(({ hop, cause }) => `${cause} ${hop}`),
    ["leak node1 veth"],
  );
});

test("inspectLeaks: a record of a container that the runtime does not know, unless a pod is being made", () => {
  const record = (containerId: string) => ({ containerId, ifname: "eth0", network: "cbr0" });
  const nodes = access.nodes.map((node, index) => ({
    ...node,
    sandboxIds: new Set([`c${index + 1}`]),
    records: [record(`c${index + 1}`), ...(index === 0 ? [record("lost")] : [])],
  }));
  const found = inspectLeaks({ ...access, nodes }, smallWorld()).findings;
  assert.deepEqual(
    found.map(({ hop, evidence }) => [hop, ...evidence]),
    [["node1", "ledger: network cbr0 container lost eth0"]],
  );
  const starting = { ...a, name: "new", uid: "new", ips: [] };
  assert.deepEqual(inspectLeaks({ ...access, nodes, pods: [...access.pods, starting] }, smallWorld()).findings, []);
  const unasked = nodes.map((node) => ({ ...node, sandboxIds: undefined }));
  assert.deepEqual(inspectLeaks({ ...access, nodes: unasked }, smallWorld()).findings, []);
});
