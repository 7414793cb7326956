import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type IpAddress, parseAddress, parsePrefix } from "#base/ip-address.ts";
import { parseMacAddress } from "#base/mac-address.ts";
import { BACKENDS, type Backend } from "#dataplane/contract.ts";
import { parseNetConf } from "#dataplane/flannel-net-conf.ts";
import { vtepMac } from "#dataplane/vtep-mac.ts";
import type { Route } from "#kernel/rtnetlink/route.ts";
import type { Announcement, ClusterNetwork, ClusterNode } from "./cluster-network.ts";
import { type ObservedHost, planNetwork, podFamilies } from "./plan-network.ts";

const UNDERLAY = 2;
const mac = parseMacAddress("ee:91:d3:3c:25:e7");

const conf = (backend: object) =>
  parseNetConf(
    JSON.stringify({ Network: "10.244.0.0/16", EnableIPv6: true, IPv6Network: "fd00::/48", Backend: backend }),
  );

function nodeOf(number: number, announcement?: Partial<Announcement>): ClusterNode {
  const backend = announcement?.backend ?? "vxlan";
  return {
    name: `node${number}`,
    podPrefixes: { 4: parsePrefix(`10.244.${number}.0/24`), 6: parsePrefix(`fd00:0:0:${number}::/64`) },
    announcement: announcement && {
      backend,
      publicAddresses: { 4: parseAddress(`192.168.50.${number}`), 6: parseAddress(`fd00:50::${number}`) },
      receives: [backend],
      ...announcement,
    },
  };
}

function clusterOf(backend: object, others: readonly ClusterNode[], own: ClusterNode = nodeOf(1)): ClusterNetwork {
  return { conf: conf(backend), own: { ...own, internalAddresses: {}, publicAddresses: {} }, others, problems: [] };
}

/** `routed`: addresses that are behind a router. */
function hostOf(cluster: ClusterNetwork, routed: readonly string[] = [], up = true): ObservedHost {
  const link = { link: "eth0", ifindex: UNDERLAY, mtu: 1500, up, reason: "" };
  const address = (text: string) => ({ address: parseAddress(text), publicAddress: parseAddress(text) });
  const lookups = new Map<IpAddress, Route>();
  for (const { announcement } of cluster.others) {
    for (const peer of Object.values(announcement?.publicAddresses ?? {})) {
      if (peer === undefined) continue;
      const gateway = routed.includes(peer) ? parseAddress("192.168.50.254") : undefined;
      const destination = { family: peer.includes(":") ? 6 : 4, address: peer, length: 32 } as const;
      lookups.set(peer, {
        destination,
        type: "unicast",
        table: 254,
        protocol: 0,
        scope: 0,
        onlink: false,
        oif: UNDERLAY,
        gateway,
      });
    }
  }
  return {
    underlay: { 4: { ...link, ...address("192.168.50.1") }, 6: { ...link, ...address("fd00:50::1") } },
    lookups,
  };
}

const backendsOf = (cluster: ClusterNetwork, host: ObservedHost) =>
  planNetwork(cluster, host).desired.peers.map(({ name, backend }) => `${name} ${backend}`);

test("planNetwork takes a peer as it announces itself", () => {
  const cluster = clusterOf({ Type: "vxlan" }, [nodeOf(2, { vteps: { 4: { vni: 1, mac } } }), nodeOf(3)]);
  const { desired, announcement, backends, podNetworks, networks, problems } = planNetwork(cluster, hostOf(cluster));
  assert.deepEqual(problems, []);
  assert.deepEqual(backends, ["vxlan"]);
  // Nobody has announced node 3.
  assert.deepEqual(desired.peers, [
    {
      name: "node2",
      backend: "vxlan",
      podPrefixes: nodeOf(2).podPrefixes,
      underlayAddresses: { 4: "192.168.50.2", 6: "fd00:50::2" },
      vtepMacs: { 4: mac, 6: undefined },
    },
  ]);
  const vteps = { 4: { vni: 1, mac: vtepMac("node1", 4) }, 6: { vni: 1, mac: vtepMac("node1", 6) } };
  assert.deepEqual(desired.local.vtepMacs, { 4: vteps[4].mac, 6: vteps[6].mac });
  assert.deepEqual(announcement, {
    backend: "vxlan",
    publicAddresses: { 4: "192.168.50.1", 6: "fd00:50::1" },
    receives: ["vxlan"],
    vteps,
  });
  assert.deepEqual(podNetworks.nodePods, Object.values(nodeOf(1).podPrefixes));
  assert.deepEqual(networks, { 4: parsePrefix("10.244.0.0/16"), 6: parsePrefix("fd00::/48") });
});

test("planNetwork keeps the MAC address that was announced before, by whomever", () => {
  const own = nodeOf(1, { backend: "vxlan", vteps: { 4: { vni: 1, mac } } });
  const cluster = clusterOf({ Type: "vxlan" }, [], own);
  const { announcement } = planNetwork(cluster, hostOf(cluster));
  assert.deepEqual([announcement.vteps?.[4]?.mac, announcement.vteps?.[6]?.mac], [mac, vtepMac("node1", 6)]);
});

test("planNetwork says when a peer has another VNI, and does not send there", () => {
  const cluster = clusterOf({ Type: "vxlan", VNI: 7 }, [nodeOf(2, { vteps: { 4: { vni: 1, mac } } })]);
  const { problems, desired } = planNetwork(cluster, hostOf(cluster));
  assert.deepEqual(problems, [{ peer: "node2", family: 4, reason: "it announces VNI 1, and net-conf.json says 7" }]);
  assert.equal(desired.peers[0]?.vtepMacs?.[4], undefined);
});

test("planNetwork tunnels to peers behind a router in either family, once they can be tunnelled to", () => {
  const hostGw = (number: number, ...more: readonly Backend[]) =>
    nodeOf(number, { backend: "host-gw", receives: ["host-gw", ...more], vteps: { 4: { vni: 1, mac } } });
  const cluster = clusterOf({ Type: "host-gw" }, [hostGw(2), hostGw(3, "vxlan"), hostGw(4, "vxlan"), hostGw(5)]);
  const host = hostOf(cluster, ["192.168.50.3", "fd00:50::4", "192.168.50.5"]);
  assert.deepEqual(backendsOf(cluster, host), ["node2 host-gw", "node3 vxlan", "node4 vxlan", "node5 host-gw"]);
  assert.deepEqual(planNetwork(cluster, host).announcement.receives, ["host-gw", "vxlan"]);
  const near = hostOf(cluster);
  assert.deepEqual(planNetwork(cluster, near).backends, ["host-gw"]);
  // An underlay that is down is no reason to tunnel.
  assert.deepEqual(planNetwork(cluster, { ...near, lookups: new Map() }).backends, ["host-gw"]);
  assert.deepEqual(planNetwork(cluster, hostOf(cluster, [], false)).backends, ["host-gw"]);
});

test("planNetwork leaves a family out that has no underlay", () => {
  const cluster = clusterOf({ Type: "vxlan" }, [nodeOf(2, {})]);
  const { underlay, lookups } = hostOf(cluster);
  const { desired, announcement, networks } = planNetwork(cluster, { underlay: { 4: underlay[4] }, lookups });
  assert.deepEqual(Object.keys(desired.local.podPrefixes), ["4"]);
  assert.deepEqual(announcement.publicAddresses, { 4: "192.168.50.1" });
  assert.deepEqual(Object.keys(networks), ["4"]);
});

test("podFamilies names what keeps the node from having pods", () => {
  const own = (prefix: string) => ({ ...nodeOf(1), podPrefixes: { 4: parsePrefix(prefix) } });
  assert.deepEqual(podFamilies(clusterOf({ Type: "vxlan" }, [])), [4, 6]);
  assert.deepEqual(podFamilies(clusterOf({ Type: "vxlan" }, [], own("10.244.1.0/24"))), [4]);
  for (const outside of ["10.1.0.0/24", "10.0.0.0/8"]) {
    assert.match(String(podFamilies(clusterOf({ Type: "vxlan" }, [], own(outside)))), /not part of 10\.244\.0\.0\/16/);
  }
  const none = clusterOf({ Type: "vxlan" }, [], { ...nodeOf(1), podPrefixes: {} });
  assert.equal(podFamilies(none), 'node "node1" has no podCIDR of IPv4 or IPv6 yet');
});

test("whatever the nodes announce, every peer's back end runs, and is one that is announced", () => {
  const backend = fc.constantFrom(...BACKENDS);
  const peers = fc.array(fc.record({ backend, more: fc.subarray([...BACKENDS]), isRouted: fc.boolean() }), {
    maxLength: 6,
  });
  fc.assert(
    fc.property(backend, peers, (own, given) => {
      const others = given.map(({ backend: theirs, more }, index) =>
        nodeOf(index + 2, { backend: theirs, receives: [theirs, ...more] }),
      );
      const cluster = clusterOf({ Type: own }, others);
      const routed = given.flatMap(({ isRouted }, index) => (isRouted ? [`192.168.50.${index + 2}`] : []));
      const { desired, backends, announcement } = planNetwork(cluster, hostOf(cluster, routed));
      assert.equal(desired.peers.length, others.length);
      for (const peer of desired.peers) assert.ok(backends.includes(peer.backend));
      assert.deepEqual(announcement.receives, backends);
      assert.equal(announcement.backend, own);
      assert.equal(announcement.vteps !== undefined, backends.includes("vxlan"));
    }),
  );
});
