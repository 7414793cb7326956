import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parsePrefix } from "#base/ip-address.ts";
import type { NetlinkSocket } from "#kernel/netlink/socket.ts";
import { inNetns, type Netns } from "#kernel/netns/netns.ts";
import { listAddresses } from "#kernel/rtnetlink/address.ts";
import { listFdb } from "#kernel/rtnetlink/fdb.ts";
import { findLink, listLinks, setLink } from "#kernel/rtnetlink/link.ts";
import { listNeighbours } from "#kernel/rtnetlink/neighbour.ts";
import { addRoute, listRoutes } from "#kernel/rtnetlink/route.ts";
import { outputIn } from "#kernel/testing/run-in-netns.ts";
import { requireRoot } from "#kernel/testing/with-netns.ts";
import { MISSING, PLANES } from "./planes.ts";
import { applyTo, brokenPairs, withNetwork } from "./with-network.ts";
import { UNDERLAY_MTU } from "./world.ts";

test("the suite runs on every back end", () => assert.deepEqual(MISSING, []));

for (const plane of PLANES) {
  test(`${plane.title}: every pod reaches every pod as itself, at full size and whole`, requireRoot, () =>
    withNetwork(plane, async ({ world, planes }) => {
      const mtuBytes = planes[0]?.podMtuBytes(world.nodes[0].local);
      assert.equal(mtuBytes, plane.podMtuBytes);
      world.setPodMtu(plane.podMtuBytes);
      assert.deepEqual(await brokenPairs(world), []);
      assert.deepEqual(await brokenPairs(world, plane.podMtuBytes), []);
      for (const { netns } of [...world.nodes, ...world.pods]) assert.deepEqual(fragmentsOf(netns), []);
    }),
  );

  test(`${plane.title}: apply writes nothing when nothing differs, in this process or the next`, requireRoot, () =>
    withNetwork(plane, async ({ world, planes, apply, desired }) => {
      const [node] = world.nodes;
      const writes = node.socket.writes;
      assert.deepEqual(await apply(0), { changes: [], problems: [] });
      assert.deepEqual(planes[0]?.drift(desired(0)), { changes: [], problems: [] });
      await planes[0]?.[Symbol.asyncDispose]();
      await using successor = plane.create(node);
      assert.deepEqual((await applyTo(successor, desired(0))).changes, plane.changesOfNewProcess);
      assert.deepEqual((await applyTo(successor, desired(0))).changes, []);
      assert.equal(node.socket.writes, writes);
      assert.deepEqual(await brokenPairs(world), []);
      assert.equal(successor.observe().length, 4);
    }),
  );

  test(`${plane.title}: apply repairs what was taken away by hand`, requireRoot, () =>
    withNetwork(plane, async ({ world, apply, planes, desired }) => {
      const [node] = world.nodes;
      const before = kernelState(node.socket);
      for (const damage of plane.damages) {
        await outputIn(node.netns, damage);
        const { changes, problems } = await apply(0);
        assert.notDeepEqual(changes, [], damage.join(" "));
        assert.deepEqual(problems, []);
        assert.deepEqual(kernelState(node.socket), before, damage.join(" "));
        assert.deepEqual(planes[0]?.drift(desired(0)).changes, []);
      }
      assert.deepEqual(await brokenPairs(world), []);
    }),
  );

  test(`${plane.title}: a peer that is gone is swept, also by the next process, and comes back`, requireRoot, () =>
    withNetwork(plane, async ({ world, planes, desired, apply }) => {
      const [node] = world.nodes;
      const before = kernelState(node.socket);
      const without = { ...desired(0), peers: desired(0).peers.slice(1) };
      await planes[0]?.[Symbol.asyncDispose]();
      await using successor = plane.create(node);
      await applyTo(successor, without);
      const left = JSON.stringify(kernelState(node.socket));
      for (const trace of ["10.244.2.0", "fd00:10:244:2::"]) assert.ok(!left.includes(trace), left);
      assert.equal(successor.observe().length, 2);
      await applyTo(successor, desired(0));
      assert.deepEqual(kernelState(node.socket), before);
      assert.deepEqual((await apply(1)).changes, []);
      assert.deepEqual(await brokenPairs(world), []);
    }),
  );

  test(`${plane.title}: routes of others stay, and a taken place is reported`, requireRoot, () =>
    withNetwork(plane, async ({ world, planes, desired }) => {
      const [node] = world.nodes;
      const eth0 = findLink(node.socket, { name: "eth0" })?.ifindex;
      assert.ok(eth0 !== undefined);
      await planes[0]?.remove(AbortSignal.timeout(5000));
      const protocol = 42;
      for (const destination of ["10.244.2.0/24", "10.99.0.0/16", "fd00:99::/64"].map(parsePrefix)) {
        addRoute(node.socket, { destination, oif: eth0, protocol });
      }
      const { problems } = await applyTo(planes[0], desired(0));
      assert.deepEqual(
        problems.map(({ peer, family }) => `${peer} ${family}`),
        ["node2 4"],
      );
      assert.match(problems[0]?.reason ?? "", /10\.244\.2\.0\/24 has a route with protocol 42 that is not ours/);
      await planes[0]?.remove(AbortSignal.timeout(5000));
      assert.equal(listRoutes(node.socket, { protocol }).length, 3);
    }),
  );

  test(`${plane.title}: remove leaves nothing, also of an earlier process`, requireRoot, () =>
    withNetwork(plane, async ({ world, planes, desired }) => {
      const [node] = world.nodes;
      const present = kernelState(node.socket);
      assert.deepEqual(
        plane.links.filter((name) => findLink(node.socket, { name }) === undefined),
        [],
      );
      await planes[0]?.[Symbol.asyncDispose]();
      await using successor = plane.create(node);
      await successor.remove(AbortSignal.timeout(5000));
      const after = JSON.stringify(kernelState(node.socket));
      for (const trace of ["flannel", "10.244.2.", "10.244.3.", "fd00:10:244:2:", "fd00:10:244:3:"]) {
        assert.ok(!after.includes(trace), `${trace} in ${after}`);
      }
      await applyTo(successor, desired(0));
      assert.deepEqual(kernelState(node.socket), present);
    }),
  );

  test(`${plane.title}: the MTU follows the underlay`, requireRoot, () =>
    withNetwork(plane, async ({ world, planes, apply }) => {
      const [node] = world.nodes;
      const eth0 = findLink(node.socket, { name: "eth0" })?.ifindex ?? 0;
      setLink(node.socket, eth0, { mtu: UNDERLAY_MTU - 100 });
      assert.equal(planes[0]?.podMtuBytes(node.local), plane.podMtuBytes - 100);
      const { changes } = await apply(0);
      assert.equal(changes.length, plane.links.length);
      assert.deepEqual((await apply(0)).changes, []);
    }),
  );
}

/** Everything that a data plane may change on a node, without numbers that differ each time. */
function kernelState(socket: NetlinkSocket): unknown {
  const links = listLinks(socket);
  const nameOf = (ifindex: number | undefined) => links.find((link) => link.ifindex === ifindex)?.name;
  const sorted = (lines: readonly unknown[]) => lines.map((line) => JSON.stringify(line)).sort();
  return {
    links: sorted(links.map(({ name, kind, mtu, mac, up }) => ({ name, type: kind?.type, mtu, up, mac }))),
    addresses: sorted(listAddresses(socket).map(({ ifindex, prefix }) => [nameOf(ifindex), prefix])).filter(
      (line) => !line.includes("fe80::"),
    ),
    routes: sorted(
      listRoutes(socket, { table: 254 }).map(({ oif, ...route }) => ({ ...route, link: nameOf(oif) })),
    ).filter((line) => !line.includes("fe80::")),
    neighbours: sorted(
      listNeighbours(socket)
        .filter(({ state }) => state === "permanent")
        .map(({ ifindex, address, mac }) => [nameOf(ifindex), address, mac]),
    ),
    fdb: sorted(
      listFdb(socket)
        .filter(({ destination }) => destination !== undefined)
        .map(({ ifindex, mac, destination, state }) => [nameOf(ifindex), mac, destination, state]),
    ),
  };
}

/** Counters of fragments that are not 0. */
function fragmentsOf(netns: Netns): readonly string[] {
  const text = inNetns(netns, () => readFileSync("/proc/thread-self/net/snmp6", "utf8"));
  const ipv4 = inNetns(netns, () => readFileSync("/proc/thread-self/net/snmp", "utf8"));
  const [names = [], values = []] = ipv4
    .split("\n")
    .filter((line) => line.startsWith("Ip:"))
    .map((line) => line.split(" "));
  const lines = [...text.split("\n"), ...names.map((name, index) => `${name} ${values[index]}`)];
  return lines.filter((line) => /Frag(Creates|OKs|Fails)\s+[1-9]|Reasm\w+\s+[1-9]/.test(line));
}
