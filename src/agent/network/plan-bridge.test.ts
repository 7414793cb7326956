import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePrefix } from "#base/ip-address.ts";
import type { JsonObject } from "#base/json.ts";
import { parseMacAddress } from "#base/mac-address.ts";
import type { Link } from "#kernel/rtnetlink/link.ts";
import type { LedgerRecord } from "../ledger.ts";
import {
  type BridgeWishes,
  bridgePorts,
  describeBridgeOperation,
  type ObservedBridge,
  planBridge,
} from "./plan-bridge.ts";

const mac = parseMacAddress("02:00:00:00:00:01");

function linkOf(ifindex: number, name: string, more: Partial<Link> = {}): Link {
  const rest = { lowerUp: true, operstate: "up", mtu: 1500, mac, link: undefined, linkNetnsId: undefined } as const;
  const none = { alias: "", group: 0, promiscuity: 0, txQueueLength: 0, bridgePort: undefined, master: undefined };
  return { ifindex, name, kind: { type: "bridge" }, up: true, ...rest, ...none, ...more };
}

const address = (ifindex: number, prefix: string): ObservedBridge["addresses"][number] => {
  const flags = {
    permanent: true,
    secondary: false,
    deprecated: false,
    tentative: false,
    dadFailed: false,
    noDad: true,
  };
  const rest = { peer: undefined, broadcast: undefined, scope: 0, label: undefined, noPrefixRoute: false };
  return { ifindex, prefix: parsePrefix(prefix), ...rest, ...flags };
};

const WISHES: BridgeWishes = {
  ports: [
    { link: "veth1", hairpin: true },
    { link: "veth2", hairpin: true },
  ],
  podPrefixes: [parsePrefix("10.244.1.0/24"), parsePrefix("fd00:1::/64")],
  mtuBytes: 1450,
  mac,
};
const PORTS = [linkOf(2, "veth1", { master: 7 }), linkOf(3, "veth2", { master: 7 })];
const WHOLE: ObservedBridge = {
  links: [linkOf(7, "cni0"), ...PORTS],
  addresses: [address(7, "10.244.1.1/24"), address(7, "fd00:1::1/64"), address(7, "fe80::1/64")],
};

const texts = (observed: ObservedBridge, wishes: BridgeWishes = WISHES) =>
  planBridge(wishes, observed).map(describeBridgeOperation);

test("planBridge has nothing to do for a whole bridge, and makes none without pods", () => {
  assert.deepEqual(texts(WHOLE), []);
  assert.deepEqual(texts({ links: [], addresses: [] }), []);
  assert.deepEqual(texts({ ...WHOLE, links: PORTS }, { ...WISHES, ports: [] }), []);
});

test("planBridge makes a bridge that was deleted, with the hardware address that pods know", () => {
  const observed = { links: PORTS.map((link) => ({ ...link, master: undefined })), addresses: [] };
  assert.deepEqual(texts(observed), [
    'link add "cni0" type bridge',
    'link set "veth1" master "cni0"',
    'link set "veth2" master "cni0"',
    'address add 10.244.1.1/24 dev "cni0"',
    'address add fd00:1::1/64 dev "cni0"',
    'link set "cni0" up',
  ]);
  assert.deepEqual(planBridge(WISHES, observed)[0], { do: "create bridge", mtuBytes: 1450, mac });
});

test("planBridge mends one thing at a time", () => {
  const withLinks = (...links: readonly Link[]): ObservedBridge => ({ ...WHOLE, links });
  assert.deepEqual(texts(withLinks(linkOf(7, "cni0", { up: false }), ...PORTS)), ['link set "cni0" up']);
  assert.deepEqual(texts(withLinks(linkOf(7, "cni0"), linkOf(2, "veth1"), linkOf(3, "veth2", { master: 7 }))), [
    'link set "veth1" master "cni0"',
  ]);
  assert.deepEqual(texts({ ...WHOLE, addresses: WHOLE.addresses.slice(1) }), ['address add 10.244.1.1/24 dev "cni0"']);
  // A pod that goes has lost its link first.
  assert.deepEqual(texts(withLinks(linkOf(7, "cni0"), linkOf(3, "veth2", { master: 7 }))), []);
  // Somebody else's link of that name.
  assert.deepEqual(texts(withLinks(linkOf(7, "cni0", { kind: undefined }), ...PORTS)), []);
});

test("bridgePorts takes the links of flannel's pods on the bridge, and nobody else's", () => {
  const record = (
    hostLink: string | undefined,
    more: Partial<LedgerRecord>,
    delegate: JsonObject = {},
  ): LedgerRecord => ({
    ...{ network: "cbr0", containerId: "c", ifname: "eth0", plugin: "flannel", phase: "added" },
    ...{ epoch: "e", netns: "/n", args: "", path: "", config: { delegate } },
    facts: hostLink === undefined ? undefined : { hostLink },
    ...more,
  });
  const found = bridgePorts([
    record("veth1", {}, { hairpinMode: true }),
    record("veth2", {}),
    record("veth3", { phase: "deleting" }),
    record("veth4", { plugin: "bridge" }),
    record("veth5", {}, { bridge: "br7" }),
    record("veth6", {}, { type: "ptp" }),
    record(undefined, {}),
  ]);
  assert.deepEqual(found, [
    { link: "veth1", hairpin: true },
    { link: "veth2", hairpin: false },
  ]);
});
