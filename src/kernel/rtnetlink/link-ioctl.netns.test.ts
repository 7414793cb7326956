/** The ioctl agrees with netlink about which links there are. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createNetlinkSocket, NETLINK_ROUTE } from "../netlink/socket.ts";
import { requireRoot, withNetns } from "../testing/with-netns.ts";
import { createLink, createVeth, findLink, setLink } from "./link.ts";
import { findLinkBasics, findLinkIndex, findLinkName } from "./link-ioctl.ts";

test("findLinkIndex finds links of the socket's namespace by name", requireRoot, () =>
  withNetns((netns) => {
    using socket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
    createVeth(socket, { name: "fifteen-bytes15", peer: { name: "eth1" } });
    for (const name of ["lo", "fifteen-bytes15", "eth1"]) {
      assert.equal(findLinkIndex(socket, name), findLink(socket, { name })?.ifindex);
    }
    for (const name of ["eth0", "sixteen-bytes-16", "", "a".repeat(300), "é".repeat(8)]) {
      assert.equal(findLinkIndex(socket, name), undefined);
    }
  }),
);

test("findLinkName is the way back from findLinkIndex", requireRoot, () =>
  withNetns((netns) => {
    using socket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
    const { ifindex } = createVeth(socket, { name: "fifteen-bytes15", peer: { name: "eth1" } });
    assert.equal(findLinkName(socket, ifindex), "fifteen-bytes15");
    assert.equal(findLinkName(socket, 12345), undefined);
  }),
);

test("findLinkBasics reads what findLink reads", requireRoot, () =>
  withNetns((netns) => {
    using socket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
    const { ifindex } = createLink(socket, { name: "br0", mtu: 1400, kind: { type: "bridge" } });
    for (const change of [{ up: true }, { promisc: true }, { up: false, promisc: false }]) {
      setLink(socket, ifindex, change);
      const link = findLink(socket, { ifindex });
      assert.deepEqual(findLinkBasics(socket, "br0"), {
        ifindex,
        name: "br0",
        up: link?.up,
        promisc: (link?.promiscuity ?? 0) > 0,
        mtu: 1400,
        mac: link?.mac,
      });
    }
    assert.equal(findLinkBasics(socket, "br1"), undefined);
  }),
);
