import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress, parsePrefix } from "#base/ip-address.ts";
import { parseMacAddress } from "#base/mac-address.ts";
import { createNetlinkSocket, NETLINK_ROUTE } from "../netlink/socket.ts";
import { requireRoot, withNetns } from "../testing/with-netns.ts";
import { addAddress, deleteAddress } from "./address.ts";
import { type RtnetlinkEvent, watchLinks, watchRtnetlink } from "./events.ts";
import { createLink, createVeth, deleteLinkOnThread, findLink, setLink } from "./link.ts";
import { addNeighbour } from "./neighbour.ts";
import { addRoute } from "./route.ts";

const deadline = () => AbortSignal.timeout(10_000);

/** Rejects with what was seen when the event does not come. */
function firstEvent(
  watch: (report: (event: RtnetlinkEvent) => void) => Disposable,
  isWanted: (event: RtnetlinkEvent) => boolean,
): { readonly found: Promise<RtnetlinkEvent> } & Disposable {
  const { promise, resolve, reject } = Promise.withResolvers<RtnetlinkEvent>();
  const seen: RtnetlinkEvent[] = [];
  const watching = watch((event) => {
    seen.push(event);
    if (isWanted(event)) resolve(event);
  });
  const signal = deadline();
  signal.addEventListener("abort", () => reject(new Error(`Event did not come, but ${JSON.stringify(seen)}`)));
  return { found: promise, [Symbol.dispose]: () => watching[Symbol.dispose]() };
}

test("watchRtnetlink reports links, addresses, routes, neighbours and fdb entries", requireRoot, () =>
  withNetns(async (netns) => {
    using socket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
    const bridge = createLink(socket, { name: "br0", kind: { type: "bridge" }, up: true });
    const { ifindex, peerIfindex } = createVeth(socket, { name: "eth0", up: true, peer: { name: "eth1" } });
    setLink(socket, peerIfindex, { up: true });
    const prefix = parsePrefix("10.1.0.5/16");
    const mac = parseMacAddress("02:00:00:00:00:07");
    const cases: readonly { readonly act: () => void; readonly want: (event: RtnetlinkEvent) => boolean }[] = [
      {
        act: () => setLink(socket, ifindex, { alias: "changed" }),
        want: (event) => event.object === "link" && event.change === "new" && event.link.alias === "changed",
      },
      {
        act: () => addAddress(socket, { ifindex, prefix }),
        want: (event) => event.object === "address" && event.address.prefix.address === "10.1.0.5",
      },
      {
        act: () =>
          addRoute(socket, {
            destination: parsePrefix("10.7.0.0/16"),
            oif: ifindex,
            gateway: parseAddress("10.1.0.1"),
          }),
        want: (event) => event.object === "route" && event.route.gateway === "10.1.0.1",
      },
      {
        act: () => addNeighbour(socket, { ifindex, address: parseAddress("10.1.0.7"), mac }),
        want: (event) => event.object === "neighbour" && event.neighbour.mac === mac,
      },
      {
        act: () => setLink(socket, ifindex, { master: bridge.ifindex }),
        want: (event) => event.object === "fdb" && event.entry.master === bridge.ifindex,
      },
      {
        act: () => deleteAddress(socket, { ifindex, prefix }),
        want: (event) => event.object === "address" && event.change === "deleted",
      },
    ];
    for (const { act, want } of cases) {
      using event = firstEvent(
        (report) =>
          watchRtnetlink(
            { netns, groups: ["link", "address", "route", "neighbour"] },
            { event: report, lost: () => assert.fail("events were lost") },
          ),
        want,
      );
      act();
      await event.found;
    }
  }),
);

test("watchLinks does not take a port that leaves its bridge for a deleted link", requireRoot, () =>
  withNetns(async (netns) => {
    using socket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
    const bridge = createLink(socket, { name: "br0", kind: { type: "bridge" } });
    const { ifindex } = createVeth(socket, { name: "eth0", master: bridge.ifindex, peer: { name: "eth1" } });
    const deleted: number[] = [];
    using event = firstEvent(
      (report) =>
        watchLinks(netns, {
          link(change, changed) {
            if (change === "deleted") deleted.push(changed);
            const link = findLink(socket, { ifindex: changed });
            if (link) report({ object: "link", change, link });
          },
          lost: () => assert.fail("events were lost"),
        }),
      (seen) => seen.object === "link" && seen.link.up,
    );
    setLink(socket, ifindex, { master: 0 });
    setLink(socket, ifindex, { up: true });
    await event.found;
    assert.deepEqual(deleted, []);
  }),
);

test("a link is no longer listed, and its name free, when its deletion is reported", requireRoot, () =>
  withNetns(async (netns) => {
    using socket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
    using deletions = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
    const { ifindex } = createVeth(socket, { name: "eth0", up: true, peer: { name: "eth1" } });
    const { promise: gone, resolve } = Promise.withResolvers<void>();
    using _watch = watchLinks(netns, {
      link: (change, changed) => void (change === "deleted" && changed === ifindex && resolve()),
      lost: () => assert.fail("events were lost"),
    });
    const acknowledged = deleteLinkOnThread(deletions, ifindex);
    await gone;
    assert.equal(findLink(socket, { name: "eth0" }), undefined);
    const again = createVeth(socket, { name: "eth0", peer: { name: "eth1" } });
    await acknowledged;
    assert.notEqual(again.ifindex, ifindex);
  }),
);

test("watchLinks says that events were lost when they come faster than they are read", requireRoot, () =>
  withNetns(async (netns) => {
    using socket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
    const { ifindex } = createLink(socket, { name: "ifb0", kind: { type: "ifb" }, up: true });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    using _ = watchLinks(netns, { link: () => undefined, lost: resolve });
    // More than the 8 MiB of the receive buffer, while this thread reads nothing. Links that are down report no alias.
    for (let index = 0; index < 12_000; index++) setLink(socket, ifindex, { alias: `${index}` });
    deadline().addEventListener("abort", () => reject(new Error("lost() was not called")));
    await promise;
  }),
);
