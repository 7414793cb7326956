import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress, parsePrefix } from "#base/ip-address.ts";
import { isErrno } from "../kernel-error.ts";
import { createNetlinkSocket, NETLINK_ROUTE, type NetlinkSocket } from "../netlink/socket.ts";
import type { Netns } from "../netns/netns.ts";
import { ipJson } from "../testing/run-in-netns.ts";
import { requireRoot, withNetns } from "../testing/with-netns.ts";
import { addAddress } from "./address.ts";
import { routeTables, scopes } from "./family.ts";
import { createVeth, setLink } from "./link.ts";
import { addRoute, appendRoute, deleteRoute, listRoutes, type NewRoute, replaceRoute } from "./route.ts";
import { addRule, deleteRule, listRules } from "./rule.ts";

interface Scene {
  readonly netns: Netns;
  readonly socket: NetlinkSocket;
  readonly oif: number;
}

async function withAddresses(body: (scene: Scene) => Promise<void> | void): Promise<void> {
  await withNetns(async (netns) => {
    using socket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
    const { ifindex, peerIfindex } = createVeth(socket, { name: "eth0", up: true, peer: { name: "eth1" } });
    setLink(socket, peerIfindex, { up: true });
    addAddress(socket, { ifindex, prefix: parsePrefix("10.1.0.5/16") });
    addAddress(socket, { ifindex, prefix: parsePrefix("fd00::5/64"), noDad: true });
    await body({ netns, socket, oif: ifindex });
  });
}

const families = [
  { family: 4, destination: "10.244.0.0/24", gateway: "10.1.0.1", other: "10.1.0.2", src: "10.1.0.5", flag: "-4" },
  { family: 6, destination: "fd01::/64", gateway: "fd00::1", other: "fd00::2", src: "fd00::5", flag: "-6" },
] as const;

for (const { family, destination: text, gateway, other, src, flag } of families) {
  const destination = parsePrefix(text);

  test(`addRoute writes everything that ip ${flag} route shows`, requireRoot, () =>
    withAddresses(async ({ netns, socket, oif }) => {
      const route: NewRoute = {
        destination,
        oif,
        gateway: parseAddress(gateway),
        src: parseAddress(src),
        table: 1000,
        protocol: 157,
        priority: 20,
        mtu: 1400,
        advmss: 1300,
        onlink: true,
      };
      addRoute(socket, route);
      const [seen] = await ipJson(netns, flag, "route", "show", "table", "1000");
      assert.deepEqual(
        [seen?.["dst"], seen?.["gateway"], seen?.["dev"], seen?.["prefsrc"], seen?.["protocol"], seen?.["metric"]],
        [text, gateway, "eth0", src, "157", 20],
      );
      assert.deepEqual(
        [seen?.["flags"], JSON.stringify(seen?.["metrics"])],
        [["onlink"], '[{"mtu":1400,"advmss":1300}]'],
      );
      const [listed] = listRoutes(socket, { family, table: 1000 });
      assert.deepEqual({ ...listed, scope: 0 }, { ...route, type: "unicast", scope: 0, nextHops: undefined });
      assert.throws(
        () => addRoute(socket, route),
        (error) => isErrno(error, "EEXIST"),
      );
    }),
  );

  test(`replaceRoute and deleteRoute change and remove a route (ip ${flag})`, requireRoot, () =>
    withAddresses(async ({ netns, socket, oif }) => {
      addRoute(socket, { destination, oif, gateway: parseAddress(gateway) });
      replaceRoute(socket, { destination, oif, gateway: parseAddress(other) });
      const [seen, ...more] = await ipJson(netns, flag, "route", "show", text);
      assert.deepEqual([seen?.["gateway"], more.length], [other, 0]);
      deleteRoute(socket, { destination });
      assert.deepEqual(await ipJson(netns, flag, "route", "show", text), []);
      assert.throws(
        () => deleteRoute(socket, { destination }),
        (error) => isErrno(error, "ESRCH"),
      );
    }),
  );

  test(`routes without a next hop, default routes and several next hops (ip ${flag})`, requireRoot, () =>
    withAddresses(async ({ netns, socket, oif }) => {
      addRoute(socket, { destination, type: "unreachable" });
      addRoute(socket, { destination, type: "blackhole", table: 77 });
      const everywhere = parsePrefix(family === 4 ? "0.0.0.0/0" : "::/0");
      addRoute(socket, { destination: everywhere, oif, gateway: parseAddress(gateway) });
      const [unreachable] = await ipJson(netns, flag, "route", "show", text);
      assert.equal(unreachable?.["type"], "unreachable");
      const [fallback] = await ipJson(netns, flag, "route", "show", "default");
      assert.equal(fallback?.["gateway"], gateway);
      assert.deepEqual(
        listRoutes(socket, { family, table: 77 }).map((route) => route.type),
        ["blackhole"],
      );
      const found = listRoutes(socket, { family, table: routeTables.main }).find(
        (route) => route.destination.length === 0,
      );
      assert.deepEqual(found?.destination, everywhere);

      const nextHops = [
        { gateway: parseAddress(gateway), oif, weight: 1, onlink: false },
        { gateway: parseAddress(other), oif, weight: 2, onlink: false },
      ];
      addRoute(socket, { destination, nextHops, table: 78 });
      assert.deepEqual(listRoutes(socket, { family, table: 78 })[0]?.nextHops, nextHops);
    }),
  );
}

test("appendRoute puts a second route beside the first", requireRoot, () =>
  withAddresses(async ({ netns, socket, oif }) => {
    const destination = parsePrefix("10.244.0.0/24");
    addRoute(socket, { destination, oif, gateway: parseAddress("10.1.0.1") });
    appendRoute(socket, { destination, oif, gateway: parseAddress("10.1.0.2") });
    const seen = await ipJson(netns, "route", "show", "10.244.0.0/24");
    assert.deepEqual(
      seen.map((route) => route["gateway"]),
      ["10.1.0.1", "10.1.0.2"],
    );
    deleteRoute(socket, { destination, gateway: parseAddress("10.1.0.2") });
    assert.equal(listRoutes(socket, { family: 4, oif }).filter((route) => route.gateway !== undefined).length, 1);
  }),
);

test("addRoute takes an IPv6 gateway for an IPv4 destination", requireRoot, () =>
  withAddresses(async ({ netns, socket, oif }) => {
    addRoute(socket, { destination: parsePrefix("10.244.0.0/24"), oif, gateway: parseAddress("fd00::1") });
    const [seen] = await ipJson(netns, "route", "show", "10.244.0.0/24");
    assert.deepEqual(seen?.["via"], { family: "inet6", host: "fd00::1" });
    const [listed] = listRoutes(socket, { family: 4, table: routeTables.main, oif }).filter((route) => route.gateway);
    assert.equal(listed?.gateway, "fd00::1");
  }),
);

test("listRoutes filters by link, protocol and type, and knows tables that do not exist", requireRoot, () =>
  withAddresses(({ socket, oif }) => {
    addRoute(socket, { destination: parsePrefix("10.5.0.0/16"), oif, scope: scopes.link, protocol: 157 });
    const texts = (filter: Parameters<typeof listRoutes>[1]) =>
      listRoutes(socket, { family: 4, ...filter }).map(({ destination }) => destination.address);
    assert.deepEqual(texts({ protocol: 157 }), ["10.5.0.0"]);
    assert.deepEqual(texts({ oif, table: routeTables.main }), ["10.1.0.0", "10.5.0.0"]);
    assert.deepEqual(texts({ type: "local" }), ["10.1.0.5"]);
    assert.deepEqual(listRoutes(socket, { table: 4242 }), []);
  }),
);

test("addRule, listRules and deleteRule agree with `ip rule`", requireRoot, () =>
  withNetns(async (netns) => {
    using socket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
    for (const { family, destination, flag } of families) {
      const rule = {
        family,
        priority: 100,
        from: parsePrefix(destination),
        iif: "eth0",
        fwmark: 0x10,
        fwmask: 0xf0,
        table: 1000,
        protocol: 157,
      };
      addRule(socket, rule);
      const seen = (await ipJson(netns, flag, "rule", "show")).find((entry) => entry["priority"] === 100);
      assert.deepEqual(
        [seen?.["src"], seen?.["iif"], seen?.["fwmark"], seen?.["fwmask"], seen?.["table"]],
        [destination.split("/")[0], "eth0", "0x10", "0xf0", "1000"],
      );
      const listed = listRules(socket, { family });
      assert.deepEqual(
        listed.find(({ priority }) => priority === 100),
        { ...rule, to: undefined, oif: undefined, action: "lookup", invert: false, suppressPrefixLength: undefined },
      );
      assert.throws(
        () => addRule(socket, rule),
        (error) => isErrno(error, "EEXIST"),
      );
      deleteRule(socket, rule);
      assert.ok(listRules(socket, { family }).every(({ priority }) => priority !== 100));
      assert.throws(
        () => deleteRule(socket, rule),
        (error) => isErrno(error, "ENOENT"),
      );
    }
  }),
);
