import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress, parsePrefix } from "#base/ip-address.ts";
import { type AccessPod, type ClusterAccess, podName } from "#trace/cluster-access.ts";
import { CHECKS, planProbes } from "./plan-probes.ts";
import { judge, type ProbeResult } from "./probe-result.ts";

function cluster(nodes: number, podsPerNode: number, isDualStack = false): ClusterAccess {
  const both = (four: string, six: string) => [parseAddress(four), ...(isDualStack ? [parseAddress(six)] : [])];
  const numbers = Array.from({ length: nodes }, (_, index) => index + 1);
  return {
    name: "test",
    nodes: numbers.map((node) => ({
      name: `node${node}`,
      netnsPath: "/node",
      underlayAddresses: both(`192.0.2.${node}`, `2001:db8::${node}`),
      podCidrs: [parsePrefix(`10.244.${node}.0/24`)],
    })),
    pods: numbers.flatMap((node) =>
      Array.from({ length: podsPerNode }, (_, index): AccessPod => {
        const ips = both(`10.244.${node}.${index + 2}`, `fd00:${node}::${index + 2}`);
        return {
          namespace: "default",
          name: `${node}-${index}`,
          uid: `${node}-${index}`,
          node: `node${node}`,
          ips,
          netnsPath: "/pod",
          isHostNetwork: false,
        };
      }),
    ),
    outside: { netnsPath: "/outside", addresses: both("203.0.113.10", "2001:db8:113::10") },
  };
}

const mtus = ({ pods }: ClusterAccess) => new Map(pods.map((pod) => [podName(pod), 1450]));

test("planProbes sends between all pairs, in both directions and families, and leaves no check out", () => {
  const access = cluster(2, 2, true);
  const probes = planProbes(access, { mtuBytes: mtus(access) });
  const count = (check: string, family: number) =>
    probes.filter((probe) => probe.check === check && probe.family === family).length;
  for (const family of [4, 6]) {
    assert.equal(count("pod-to-pod-same-node", family), 4);
    assert.equal(count("pod-to-pod-other-node", family), 8);
    assert.equal(count("pod-to-pod-tcp", family), 12);
    assert.equal(count("node-to-pod", family), 8);
    assert.equal(count("pod-to-node", family), 8);
    assert.equal(count("pod-to-outside", family), 4);
    assert.equal(count("full-size", family), 12);
    assert.equal(count("over-size", family), 12);
  }
  const sending = Object.keys(CHECKS).filter((name) => !["pod-address", "address-unique", "leaks"].includes(name));
  assert.deepEqual(new Set(probes.map(({ check }) => check)), new Set(sending));
});

test("planProbes: a pod must be seen as itself by pods, and as its node outside", () => {
  const access = cluster(2, 1);
  for (const { check, from, expectSeen } of planProbes(access, { mtuBytes: mtus(access) })) {
    if (check.startsWith("pod-to-pod") || check === "full-size") assert.deepEqual(expectSeen, [from.address]);
    if (check === "pod-to-outside") assert.deepEqual(expectSeen, [from.node === "node1" ? "192.0.2.1" : "192.0.2.2"]);
  }
});

test("planProbes with many pods still reaches each pod by UDP from each, and by TCP one pod on each node from each", () => {
  const access = cluster(4, 10);
  const probes = planProbes(access, { mtuBytes: mtus(access) });
  const udp = probes.filter(({ check }) => check === "pod-to-pod-same-node" || check === "pod-to-pod-other-node");
  assert.equal(udp.length, 40 * 39);
  const tcp = probes.filter(({ check }) => check === "pod-to-pod-tcp");
  assert.equal(tcp.length, 40 * 4);
  assert.ok(new Set(tcp.map(({ to }) => to.address)).size >= 36);
  assert.ok(tcp.every(({ from, to }) => from.address !== to.address));
});

test("planProbes leaves out pods on the host's network, without a sandbox, and nodes that do not run", () => {
  const access = cluster(2, 1);
  const [pod, other] = access.pods;
  const [node, stopped] = access.nodes;
  assert.ok(pod && other && node && stopped);
  const pods = [
    { ...pod, isHostNetwork: true },
    { ...other, netnsPath: undefined },
  ];
  const nodes = [node, { ...stopped, netnsPath: undefined }];
  assert.deepEqual(planProbes({ ...access, pods, nodes }, { mtuBytes: new Map() }), []);
});

test("judge: what had to be, and each way in which it can be otherwise", () => {
  const access = cluster(2, 1);
  const probes = planProbes(access, { mtuBytes: mtus(access) });
  const find = (check: string) => probes.find((probe) => probe.check === check) ?? assert.fail(check);
  const kind = (result: ProbeResult) => judge(result)?.kind;
  const probe = find("pod-to-pod-other-node");
  const seen = probe.from.address;
  assert.equal(kind({ probe, seen, answered: true }), undefined);
  assert.equal(kind({ probe, seen, answered: false }), "answer lost");
  assert.equal(kind({ probe, answered: false }), "lost");
  assert.equal(kind({ probe, seen: parseAddress("192.0.2.1"), answered: true }), "translated");
  const refused = { code: "ENETUNREACH", by: undefined, message: "no" };
  assert.equal(kind({ probe, answered: false, refused }), "refused");
  const outside = find("pod-to-outside");
  assert.equal(kind({ probe: outside, seen: outside.from.address, answered: true }), "translated");
  const over = find("over-size");
  assert.equal(kind({ probe: over, answered: false, refused: { ...refused, code: "EMSGSIZE" } }), undefined);
  assert.equal(kind({ probe: over, seen, answered: true }), "not refused");
  assert.equal(kind({ probe: over, answered: false }), "not refused");
  assert.equal(kind({ probe: over, answered: false, refused }), "refused");
});
