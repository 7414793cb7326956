import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress, parsePrefix } from "#base/ip-address.ts";
import { parseMacAddress } from "#base/mac-address.ts";
import type { RtnetlinkEvent } from "#kernel/rtnetlink/events.ts";
import type { Link } from "#kernel/rtnetlink/link.ts";
import { isRelevantEvent, type WatchedLinks } from "./relevant-event.ts";

const [ETH0, FLANNEL, CNI0, VETH, OTHER] = [2, 3, 4, 5, 9];
const WATCHED: WatchedLinks = {
  underlay: new Set([ETH0]),
  tunnels: new Set([FLANNEL]),
  names: new Set(["flannel.1", "flannel0"]),
  bridge: { name: "cni0", ifindex: CNI0 },
  isPort: (name) => name === "veth1",
};
const mac = parseMacAddress("02:00:00:00:00:01");

const link = (ifindex: number, name: string, change: "new" | "deleted", master?: number): RtnetlinkEvent => {
  // Of a link only this is looked at.
  const seen = { ifindex, name, master } as Link;
  return { object: "link", change, link: seen };
};
const route = (protocol: number, oif: number | undefined, table = 254): RtnetlinkEvent => ({
  object: "route",
  change: "deleted",
  route: { destination: parsePrefix("10.244.2.0/24"), type: "unicast", table, protocol, scope: 0, onlink: false, oif },
});
const neighbour = (ifindex: number): RtnetlinkEvent => {
  const entry = {
    ifindex,
    address: parseAddress("10.244.2.0"),
    mac,
    proxy: false,
    router: false,
    externLearned: false,
  };
  return { object: "neighbour", change: "deleted", neighbour: { ...entry, state: "permanent" } };
};
const fdb = (ifindex: number): RtnetlinkEvent => ({
  object: "fdb",
  change: "deleted",
  entry: { ifindex, mac, owner: "self", master: undefined, state: "permanent", externLearned: false },
});
const address = (ifindex: number): RtnetlinkEvent => {
  const flags = {
    permanent: true,
    secondary: false,
    deprecated: false,
    tentative: false,
    dadFailed: false,
    noDad: true,
  };
  const rest = { peer: undefined, broadcast: undefined, scope: 0, label: undefined, noPrefixRoute: false };
  return {
    object: "address",
    change: "deleted",
    address: { ifindex, prefix: parsePrefix("10.0.0.1/24"), ...rest, ...flags },
  };
};

const CASES: readonly (readonly [string, RtnetlinkEvent, boolean])[] = [
  ["the underlay's link", link(ETH0, "eth0", "new"), true],
  ["a tunnel that goes", link(FLANNEL, "flannel.1", "deleted"), true],
  ["a link that takes a tunnel's name", link(OTHER, "flannel0", "new"), true],
  ["the bridge", link(CNI0, "cni0", "deleted"), true],
  ["a pod's link on the bridge", link(VETH, "veth1", "new", CNI0), false],
  ["a pod's link that left the bridge", link(VETH, "veth1", "new"), true],
  ["a pod's link that goes", link(VETH, "veth1", "deleted"), false],
  ["somebody's link", link(OTHER, "tap0", "new"), false],
  ["an address of the underlay", address(ETH0), true],
  ["an address of the bridge", address(CNI0), true],
  ["somebody's address", address(OTHER), false],
  ["a route of ours", route(112, OTHER), true],
  ["a route over the underlay", route(3, ETH0), true],
  ["a route without a link", route(3, undefined), true],
  ["a route of a pod", route(3, VETH), false],
  ["a route of another table", route(112, FLANNEL, 255), false],
  ["a neighbour in a tunnel", neighbour(FLANNEL), true],
  ["a neighbour on the underlay", neighbour(ETH0), false],
  ["an FDB entry of a tunnel", fdb(FLANNEL), true],
  ["an FDB entry of a pod's link", fdb(VETH), false],
];

for (const [title, event, expected] of CASES) {
  test(`isRelevantEvent: ${title} ${expected ? "counts" : "does not count"}`, () => {
    assert.equal(isRelevantEvent(event, WATCHED), expected);
    assert.equal(isRelevantEvent(event, undefined), true);
  });
}
