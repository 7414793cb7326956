import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeAddress } from "./address.ts";
import { decodeBridgeVlans, encodeVlans } from "./bridge-vlan.ts";
import { decodeFdbEntry } from "./fdb.ts";
import * as golden from "./golden-answers.ts";
import { decodeLink } from "./link.ts";
import { decodeNeighbour } from "./neighbour.ts";
import { decodeRoute } from "./route.ts";
import { decodeRule } from "./rule.ts";

test("decodeLink reads a veth that is a port of a bridge", () => {
  assert.deepEqual(decodeLink(golden.veth), {
    ifindex: 70,
    name: "v0",
    kind: { type: "veth" },
    up: true,
    lowerUp: true,
    operstate: "up",
    mtu: 1400,
    mac: "02:00:00:00:00:01",
    master: 2,
    link: 3,
    linkNetnsId: undefined,
    alias: "hello",
    group: 5,
    promiscuity: 1,
    txQueueLength: 1000,
    bridgePort: {
      state: "disabled",
      hairpin: true,
      isolated: false,
      learning: true,
      flood: true,
      mcastFlood: true,
      bcastFlood: true,
      neighSuppress: false,
    },
  });
});

test("decodeLink reads the data of a VXLAN link and of a bridge", () => {
  assert.deepEqual(decodeLink(golden.vxlan).kind, {
    type: "vxlan",
    id: 1,
    link: 3,
    local: "10.1.0.5",
    group: undefined,
    port: 8472,
    ttl: 0,
    learning: false,
    ageingSeconds: 300,
    udpCsum: true,
    udp6ZeroCsumTx: false,
    udp6ZeroCsumRx: false,
    gbp: false,
    external: false,
  });
  assert.deepEqual(decodeLink(golden.bridge).kind, {
    type: "bridge",
    ageingSeconds: 300,
    stp: false,
    vlanFiltering: false,
    mcastSnooping: true,
  });
});

test("decodeAddress reads both families", () => {
  const common = { ifindex: 3, peer: undefined, scope: 0, secondary: false, deprecated: false, tentative: false };
  const flags = { permanent: true, dadFailed: false, noPrefixRoute: false };
  assert.deepEqual(decodeAddress(golden.address4), {
    ...common,
    ...flags,
    prefix: { family: 4, address: "10.1.0.5", length: 16 },
    broadcast: "10.1.255.255",
    label: "v1",
    noDad: false,
  });
  assert.deepEqual(decodeAddress(golden.address6), {
    ...common,
    ...flags,
    prefix: { family: 6, address: "fd00::5", length: 64 },
    broadcast: undefined,
    label: undefined,
    noDad: true,
  });
});

test("decodeRoute reads metrics, large table numbers and several next hops", () => {
  const common = { type: "unicast", scope: 0, onlink: false, mtu: undefined, advmss: undefined };
  assert.deepEqual(decodeRoute(golden.route), {
    ...common,
    destination: { family: 4, address: "10.2.0.0", length: 16 },
    table: 1000,
    protocol: 99,
    priority: 5,
    oif: 3,
    gateway: "10.1.0.2",
    src: "10.1.0.5",
    mtu: 1400,
    nextHops: undefined,
  });
  assert.deepEqual(decodeRoute(golden.multipathRoute), {
    ...common,
    destination: { family: 4, address: "10.4.0.0", length: 16 },
    table: 254,
    protocol: 3,
    priority: undefined,
    oif: undefined,
    gateway: undefined,
    src: undefined,
    nextHops: [
      { oif: 3, gateway: "10.1.0.2", onlink: false, weight: 1 },
      { oif: 3, gateway: "10.1.0.3", onlink: false, weight: 2 },
    ],
  });
});

test("decodeNeighbour and decodeFdbEntry read permanent entries", () => {
  assert.deepEqual(decodeNeighbour(golden.neighbour), {
    ifindex: 3,
    address: "10.1.0.7",
    mac: "02:00:00:00:00:07",
    state: "permanent",
    proxy: false,
    router: false,
    externLearned: false,
  });
  assert.deepEqual(decodeFdbEntry(golden.fdbEntry), {
    ifindex: 4,
    mac: "02:00:00:00:00:08",
    owner: "self",
    destination: "10.1.0.8",
    port: undefined,
    vni: undefined,
    via: undefined,
    vlan: undefined,
    master: undefined,
    state: "permanent",
    externLearned: false,
  });
});

test("decodeRule reads selectors and the table", () => {
  assert.deepEqual(decodeRule(golden.rule), {
    family: 4,
    priority: 100,
    from: { family: 4, address: "10.1.0.0", length: 16 },
    to: undefined,
    iif: undefined,
    oif: undefined,
    fwmark: 0x10,
    fwmask: 0xf0,
    action: "lookup",
    table: 1000,
    invert: false,
    suppressPrefixLength: undefined,
    protocol: 0,
  });
});

test("decodeBridgeVlans reads back what encodeVlans writes, ranges too", () => {
  const vlans = [
    { vid: 1, vidEnd: undefined, pvid: true, untagged: true },
    { vid: 100, vidEnd: 110, pvid: false, untagged: false },
  ];
  assert.deepEqual(decodeBridgeVlans(encodeVlans({ ifindex: 7 }, vlans)), { ifindex: 7, vlans });
});
