import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node } from "#api/kinds/node.ts";
import { parsePrefix } from "#base/ip-address.ts";
import { annotationPatch, conditionPatch } from "./api-announcement.ts";
import { isSameForNetwork, parseNode, parseOwnNode } from "./parse-node.ts";

const KEY = "flannel.alpha.coreos.com/";
const ANNOUNCED = {
  [`${KEY}kube-subnet-manager`]: "true",
  [`${KEY}backend-type`]: "vxlan",
  [`${KEY}backend-data`]: '{"VNI":1,"VtepMAC":"ee:91:d3:3c:25:e7"}',
  [`${KEY}public-ip`]: "192.168.50.2",
};

function nodeWith(annotations: Readonly<Record<string, string>>, more: Partial<Node> = {}): Node {
  const metadata = { name: "node2", uid: "u", annotations };
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata,
    spec: { podCIDRs: ["10.244.2.0/24", "fd00::/64"] },
    status: {},
    ...more,
  };
}

test("parseNode reads prefixes and announcement", () => {
  const { name, podPrefixes, announcement, problem } = parseNode(nodeWith(ANNOUNCED));
  assert.deepEqual([name, problem], ["node2", undefined]);
  assert.deepEqual(podPrefixes, { 4: parsePrefix("10.244.2.0/24"), 6: parsePrefix("fd00::/64") });
  assert.deepEqual([announcement?.backend, announcement?.receives], ["vxlan", ["vxlan"]]);
});

test("parseNode names what a node announces wrong, and leaves the node out", () => {
  const broken = parseNode(nodeWith({ ...ANNOUNCED, [`${KEY}public-ip`]: "here" }));
  assert.deepEqual([broken.announcement, broken.podPrefixes], [undefined, {}]);
  assert.match(broken.problem ?? "", /public-ip "here"/);
  assert.match(parseNode(nodeWith({}, { spec: { podCIDRs: ["x"] } })).problem ?? "", /"x"/);
});

test("parseOwnNode goes on where the own annotations are broken: they are written anew", () => {
  const addresses = [
    { type: "Hostname", address: "node2" },
    { type: "InternalIP", address: "192.168.50.2" },
    { type: "InternalIP", address: "fd00:50::2" },
  ];
  const own = parseOwnNode(
    nodeWith(
      { ...ANNOUNCED, [`${KEY}backend-data`]: "{", [`${KEY}node-public-ip`]: "203.0.113.9" },
      { status: { addresses } },
    ),
  );
  assert.equal(own.problem, undefined);
  assert.deepEqual(own.podPrefixes[4], parsePrefix("10.244.2.0/24"));
  assert.deepEqual(own.internalAddresses, { 4: "192.168.50.2", 6: "fd00:50::2" });
  assert.equal(own.publicAddresses[4], "203.0.113.9");
});

test("isSameForNetwork ignores a kubelet's heartbeats, and nothing that matters", () => {
  const object = nodeWith(ANNOUNCED);
  assert.ok(isSameForNetwork(object, { ...object, status: { conditions: [{ type: "Ready", status: "True" }] } }));
  const others: readonly Node[] = [
    nodeWith({ ...ANNOUNCED, [`${KEY}public-ip`]: "192.168.50.3" }),
    nodeWith(ANNOUNCED, { spec: { podCIDRs: ["10.244.3.0/24"] } }),
    nodeWith(ANNOUNCED, { status: { addresses: [{ type: "InternalIP", address: "192.168.50.9" }] } }),
    nodeWith(ANNOUNCED, { status: { conditions: [{ type: "NetworkUnavailable", status: "True" }] } }),
  ];
  for (const other of others) assert.ok(!isSameForNetwork(object, other), JSON.stringify(other));
});

test("annotationPatch changes what differs, takes away what is left over, and nobody else's", () => {
  const announcement = parseNode(nodeWith(ANNOUNCED)).announcement ?? assert.fail();
  assert.equal(annotationPatch(nodeWith({ ...ANNOUNCED, "example.com/other": "1" }), announcement), undefined);
  const present = nodeWith({
    [`${KEY}public-ip`]: "10.0.0.9",
    [`${KEY}public-ipv6`]: "fd00::9",
    "example.com/other": "1",
  });
  assert.deepEqual(annotationPatch(present, announcement), {
    metadata: {
      annotations: {
        [`${KEY}kube-subnet-manager`]: "true",
        [`${KEY}backend-type`]: "vxlan",
        [`${KEY}backend-data`]: '{"VNI":1,"VtepMAC":"ee:91:d3:3c:25:e7"}',
        [`${KEY}public-ip`]: "192.168.50.2",
        [`${KEY}public-ipv6`]: null,
      },
    },
  });
});

test("conditionPatch says once that the network is there", () => {
  const patch = conditionPatch(nodeWith({}), new Date("2026-01-02T03:04:05.678Z"));
  assert.deepEqual(patch, {
    status: {
      conditions: [
        {
          type: "NetworkUnavailable",
          status: "False",
          reason: "PodwireIsUp",
          message: "Podwire is running on this node",
          lastHeartbeatTime: "2026-01-02T03:04:05Z",
          lastTransitionTime: "2026-01-02T03:04:05Z",
        },
      ],
    },
  });
  const conditions = [{ type: "NetworkUnavailable", status: "False", reason: "PodwireIsUp" }] as const;
  assert.equal(conditionPatch(nodeWith({}, { status: { conditions } }), new Date()), undefined);
});
