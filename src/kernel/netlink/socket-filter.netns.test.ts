/** The kernel itself drops what the filters leave out. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { decode } from "#base/codec/codec.ts";
import { createVeth, deleteLink, setLink } from "../rtnetlink/link.ts";
import { ifinfomsg, RTM_DELLINK } from "../rtnetlink/link-messages.ts";
import { requireRoot, withNetns } from "../testing/with-netns.ts";
import { createNetlinkSocket, listenNetlink, NETLINK_ROUTE } from "./socket.ts";
import { notFromPort, onlyLink, onlyType, type SocketFilter } from "./socket-filter.ts";

const RTNLGRP_LINK = 1;

test("onlyType lets messages of one type through", requireRoot, () =>
  withNetns(async (netns) => {
    using socket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
    const filtered = await typesUntil(netns, onlyType(RTM_DELLINK), () => {
      const { ifindex } = createVeth(socket, { name: "eth0", up: true, peer: { name: "eth1" } });
      deleteLink(socket, ifindex);
    });
    assert.deepEqual(new Set(filtered), new Set([RTM_DELLINK]));
  }),
);

test("onlyLink lets messages about one link through", requireRoot, () =>
  withNetns(async (netns) => {
    using socket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
    const { ifindex, peerIfindex } = createVeth(socket, { name: "eth0", peer: { name: "eth1" } });
    const heard: number[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    using _watch = listenNetlink(
      { protocol: NETLINK_ROUTE, groups: [RTNLGRP_LINK], netns, filter: onlyLink(ifindex) },
      {
        message({ type, payload }) {
          heard.push(decode(ifinfomsg, payload).index);
          if (type === RTM_DELLINK) resolve();
        },
        lost: () => assert.fail("events were lost"),
      },
    );
    setLink(socket, peerIfindex, { mtu: 1400 });
    setLink(socket, ifindex, { mtu: 1400 });
    deleteLink(socket, ifindex);
    await promise;
    assert.deepEqual(new Set(heard), new Set([ifindex]));
  }),
);

test("notFromPort leaves out what one socket caused, and nothing else", requireRoot, () =>
  withNetns(async (netns) => {
    using own = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
    using other = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
    const portIds: number[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    using _watch = listenNetlink(
      { protocol: NETLINK_ROUTE, groups: [RTNLGRP_LINK], netns, filter: notFromPort(own.portId) },
      {
        message({ portId, type }) {
          portIds.push(portId);
          if (type === RTM_DELLINK) resolve();
        },
        lost: () => assert.fail("events were lost"),
      },
    );
    const { ifindex } = createVeth(own, { name: "eth0", peer: { name: "eth1" } });
    setLink(own, ifindex, { mtu: 1400 });
    deleteLink(other, ifindex);
    await promise;
    assert.equal(portIds.includes(own.portId), false);
  }),
);

test("a filter that is no program is refused, and the socket closed", requireRoot, () =>
  withNetns((netns) => {
    const nowhere: SocketFilter = [{ code: 0x28, k: 4 }];
    assert.throws(
      () =>
        listenNetlink(
          { protocol: NETLINK_ROUTE, groups: [RTNLGRP_LINK], netns, filter: nowhere },
          { message: () => undefined, lost: () => undefined },
        ),
      /attach socket filter/,
    );
  }),
);

/** The types of the messages up to the first RTM_DELLINK. */
async function typesUntil(
  netns: Parameters<typeof createNetlinkSocket>[0]["netns"] & {},
  filter: SocketFilter,
  act: () => void,
): Promise<readonly number[]> {
  const types: number[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  using _watch = listenNetlink(
    { protocol: NETLINK_ROUTE, groups: [RTNLGRP_LINK], netns, filter },
    {
      message({ type }) {
        types.push(type);
        if (type === RTM_DELLINK) resolve();
      },
      lost: () => assert.fail("events were lost"),
    },
  );
  act();
  await promise;
  return types;
}
