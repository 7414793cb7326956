import assert from "node:assert/strict";
import { test } from "node:test";
import { type Family, parseAddress, parsePrefix } from "#base/ip-address.ts";
import { scopes } from "#kernel/rtnetlink/family.ts";
import { chooseUnderlay, type HostLinks, type UnderlayWishes } from "./choose-underlay.ts";

const on = (ifindex: number, prefix: string, more: Partial<HostLinks["addresses"][number]> = {}) => ({
  ifindex,
  prefix: parsePrefix(prefix),
  scope: scopes.global,
  secondary: false,
  dadFailed: false,
  ...more,
});

const HOST: HostLinks = {
  links: [
    { ifindex: 1, name: "lo" },
    { ifindex: 2, name: "eth0" },
    { ifindex: 3, name: "eth1" },
    { ifindex: 4, name: "tap0" },
  ],
  addresses: [
    on(1, "127.0.0.1/8", { scope: scopes.host }),
    on(2, "192.168.1.5/24"),
    on(2, "192.168.1.6/24", { secondary: true }),
    on(2, "fe80::5/64", { scope: scopes.link }),
    on(2, "fd00:1::5/64"),
    on(3, "10.0.0.5/24"),
    on(3, "fd00:2::4/64", { dadFailed: true }),
    on(3, "fd00:2::5/64"),
  ],
  routes: [
    {
      destination: parsePrefix("0.0.0.0/0"),
      oif: 3,
      gateway: parseAddress("10.0.0.1"),
      priority: 100,
      src: undefined,
      table: 254,
    },
    {
      destination: parsePrefix("0.0.0.0/0"),
      oif: 2,
      gateway: parseAddress("192.168.1.1"),
      priority: 50,
      src: undefined,
      table: 254,
    },
    {
      destination: parsePrefix("::/0"),
      oif: 2,
      gateway: parseAddress("fd00:1::1"),
      priority: 1024,
      src: undefined,
      table: 254,
    },
  ],
};

const choose = (wishes: Partial<UnderlayWishes>, host: HostLinks = HOST) => {
  const families: readonly Family[] = [4, 6];
  const { underlay, problems } = chooseUnderlay(
    { families, publicAddresses: {}, internalAddresses: {}, ...wishes },
    host,
  );
  const texts = families.map((family) => {
    const found = underlay[family];
    if (found === undefined) return undefined;
    return `${found.link} ${found.address}${found.publicAddress === found.address ? "" : ` as ${found.publicAddress}`}`;
  });
  return { texts, problems };
};

const CASES: readonly (readonly [string, Partial<UnderlayWishes>, readonly string[]])[] = [
  ["the link of the best default route", {}, ["eth0 192.168.1.5", "eth0 fd00:1::5"]],
  [
    "the node's InternalIP",
    { internalAddresses: { 4: parseAddress("10.0.0.5"), 6: parseAddress("fd00:2::5") } },
    ["eth1 10.0.0.5", "eth1 fd00:2::5"],
  ],
  [
    "the default route when no link has the InternalIP",
    { internalAddresses: { 4: parseAddress("172.16.0.1") } },
    ["eth0 192.168.1.5", "eth0 fd00:1::5"],
  ],
  ["--iface by name", { iface: "eth1" }, ["eth1 10.0.0.5", "eth1 fd00:2::5"]],
  ["--iface by address", { iface: "10.0.0.5" }, ["eth1 10.0.0.5", "eth1 fd00:2::5"]],
  [
    "--public-ip that a link has",
    { publicAddresses: { 4: parseAddress("10.0.0.5") } },
    ["eth1 10.0.0.5", "eth0 fd00:1::5"],
  ],
  [
    "--public-ip of a router before the node",
    { publicAddresses: { 4: parseAddress("203.0.113.9") } },
    ["eth0 192.168.1.5 as 203.0.113.9", "eth0 fd00:1::5"],
  ],
];

for (const [title, wishes, expected] of CASES) {
  test(`chooseUnderlay takes ${title}`, () => {
    assert.deepEqual(choose(wishes), { texts: expected, problems: [] });
  });
}

test("chooseUnderlay says why there is none", () => {
  assert.deepEqual(choose({ iface: "eth9" }).problems, [
    'the node has IPv4 pods, but no link has the name or address "eth9" (--iface)',
    'the node has IPv6 pods, but no link has the name or address "eth9" (--iface)',
  ]);
  assert.match(choose({ iface: "tap0" }).problems[0] ?? "", /"tap0" \(--iface\) has no IPv4 address/);
  assert.match(choose({}, { ...HOST, routes: [] }).problems[0] ?? "", /there is no IPv4 default route/);
});

test("chooseUnderlay keeps what it had while its link has lost everything, and says so", () => {
  const previous = { 4: { link: "eth0", address: parseAddress("192.168.1.5") } };
  const bare = { ...HOST, addresses: [], routes: [] };
  const { texts, problems } = choose({ previous }, bare);
  assert.deepEqual(texts, ["eth0 192.168.1.5", undefined]);
  assert.equal(problems.length, 2);
  assert.deepEqual(choose({ previous }, { ...bare, links: [] }).texts, [undefined, undefined]);
  assert.deepEqual(choose({ previous, iface: "eth1" }).texts, ["eth1 10.0.0.5", "eth1 fd00:2::5"]);
});
