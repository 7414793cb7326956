import assert from "node:assert/strict";
import { test } from "node:test";
import { addressBytes, parseAddress } from "#base/ip-address.ts";
import type { ConntrackEntry } from "#kernel/nfnetlink/conntrack-message.ts";
import { describeConnection, describeDrop } from "./describe-flow.ts";
import { readPacket } from "./read-packet.ts";

const PODS: Readonly<Record<string, { readonly name: string; readonly node: string }>> = {
  "10.244.1.2": { name: "default/client", node: "node1" },
  "10.244.2.2": { name: "default/web", node: "node2" },
};
const deps = {
  node: "node1",
  names: {
    pod: (address: string) => PODS[address],
    node: (address: string) => (address === "192.0.2.1" ? "node1" : undefined),
    service: (address: string, protocol: string, port: number | undefined) =>
      `${address} ${protocol} ${port}` === "10.96.0.10 TCP 80" ? "default/web:http" : undefined,
  },
  nowMicros: () => 5,
};

function entry(source: string, destination: string, backend: string, port = 80, backendPort = port): ConntrackEntry {
  const [from, to, at] = [source, destination, backend].map(parseAddress);
  assert.ok(from && to && at);
  return {
    original: { source: from, destination: to, protocol: "tcp", sourcePort: 40_000, destinationPort: port },
    reply: { source: at, destination: from, protocol: "tcp", sourcePort: backendPort, destinationPort: 40_000 },
    status: [],
  };
}

test("describeConnection names both pods, and which way it goes on this node", () => {
  const flow = describeConnection(deps, entry("10.244.1.2", "10.244.2.2", "10.244.2.2"));
  assert.equal(flow?.source.pod, "default/client");
  assert.equal(flow?.destination.pod, "default/web");
  assert.equal(flow?.hop, "leaves");
  assert.equal(flow?.service, undefined);
  assert.equal(
    describeConnection({ ...deps, node: "node2" }, entry("10.244.1.2", "10.244.2.2", "10.244.2.2"))?.hop,
    "arrives",
  );
});

test("describeConnection tells the Service that was asked for, by its address where nobody has a name for it", () => {
  const named = describeConnection(deps, entry("10.244.1.2", "10.96.0.10", "10.244.2.2", 80, 8080));
  assert.equal(named?.service, "default/web:http");
  assert.deepEqual([named?.destination.pod, named?.destination.port], ["default/web", 8080]);
  assert.equal(describeConnection(deps, entry("10.244.1.2", "10.96.0.99", "10.244.2.2"))?.service, "10.96.0.99:80");
});

test("describeConnection leaves out what no pod has a part in", () => {
  assert.equal(describeConnection(deps, entry("192.0.2.1", "192.0.2.2", "192.0.2.2")), undefined);
});

/** An IPv4 packet with the ports 4321 and 53. */
function ipv4(protocol: number, source = "10.244.1.2", destination = "10.244.2.2"): Buffer {
  const bytes = Buffer.alloc(28);
  bytes.writeUInt8(0x45, 0);
  bytes.writeUInt8(protocol, 9);
  bytes.set(addressBytes(parseAddress(source)), 12);
  bytes.set(addressBytes(parseAddress(destination)), 16);
  bytes.writeUInt16BE(4321, 20);
  bytes.writeUInt16BE(53, 22);
  return bytes;
}

const LOGGED = {
  prefix: "podwire ingress 0",
  protocol: 0x0800,
  mark: 0,
  inIfindex: 2,
  outIfindex: 3,
  inPortIfindex: 7,
  outPortIfindex: undefined,
  packet: ipv4(17),
  timestampMicros: 42,
};
const drops = {
  explainDrop: () => ({ pod: "default/web", direction: "ingress", reason: "isolation" }) as const,
  isolating: () => ["networkpolicy/default/a", "networkpolicy/default/b"],
  podOfLink: (link: string) => (link === "link7" ? "default/thief" : undefined),
};
const linkName = (ifindex: number) => `link${ifindex}`;

test("describeDrop names the policies that isolate, the rule, and the links", () => {
  const flow = describeDrop({ ...deps, drops, linkName }, LOGGED);
  assert.deepEqual(flow?.policies, ["networkpolicy/default/a", "networkpolicy/default/b"]);
  assert.equal(flow?.rule, "isolation");
  assert.equal(flow?.hop, "link7 → link3");
  assert.equal(flow?.timeMicros, 42);
  assert.deepEqual([flow?.source.port, flow?.destination.port, flow?.protocol], [4321, 53, "UDP"]);
});

test("describeDrop names the policy of a rule, and the sender of a spoofed packet by its link", () => {
  const rule = "clusternetworkpolicy/strict egress 0";
  const byRule = { ...drops, explainDrop: () => ({ direction: "egress", reason: rule }) as const };
  assert.deepEqual(describeDrop({ ...deps, drops: byRule, linkName }, LOGGED)?.policies, [
    "clusternetworkpolicy/strict",
  ]);
  const spoofed = { ...drops, explainDrop: () => ({ direction: "egress", reason: "spoofed address" }) as const };
  const flow = describeDrop({ ...deps, drops: spoofed, linkName }, LOGGED);
  assert.equal(flow?.source.pod, "default/thief");
  assert.deepEqual(flow.policies, []);
});

test("describeDrop leaves out multicast of ports that are not attached yet, and nothing else of theirs", () => {
  const unknown = { ...drops, explainDrop: () => ({ direction: "egress", reason: "unknown port" }) as const };
  const to = (address: string) => ({ ...LOGGED, packet: ipv4(17, "10.244.1.2", address) });
  assert.equal(describeDrop({ ...deps, drops: unknown, linkName }, to("224.0.0.22")), undefined);
  assert.equal(describeDrop({ ...deps, drops: unknown, linkName }, to("10.244.2.2"))?.rule, "unknown port");
});

test("describeDrop leaves out messages of others", () => {
  const none = { ...drops, explainDrop: () => undefined };
  assert.equal(describeDrop({ ...deps, drops: none, linkName }, LOGGED), undefined);
});

test("readPacket reads no ports where there are none, and never behind the end", () => {
  assert.equal(readPacket(ipv4(1), 0x0800)?.destinationPort, undefined);
  const later = ipv4(17);
  later.writeUInt16BE(100, 6);
  assert.deepEqual(readPacket(later, 0x0800)?.destinationPort, undefined);
  const whole = ipv4(6);
  for (let length = 0; length < whole.length; length++) {
    const cut = readPacket(whole.subarray(0, length), 0x0800);
    assert.equal(cut?.destinationPort, length >= 24 ? 53 : undefined);
  }
  const ip6 = Buffer.alloc(52);
  ip6.writeUInt8(0x60, 0);
  ip6.writeUInt8(0, 6); // hop-by-hop options of 8 bytes, then UDP
  ip6.writeUInt8(17, 40);
  ip6.writeUInt16BE(53, 50);
  assert.equal(readPacket(ip6, 0x86dd)?.destinationPort, 53);
});
