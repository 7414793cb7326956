import assert from "node:assert/strict";
import { readSync } from "node:fs";
import { test } from "node:test";
import { parsePrefix } from "#base/ip-address.ts";
import { isErrno } from "../kernel-error.ts";
import { createNetlinkSocket, NETLINK_ROUTE } from "../netlink/socket.ts";
import { watchReadable } from "../syscalls/readable.ts";
import { execIn } from "../testing/run-in-netns.ts";
import { requireRoot, withNetns } from "../testing/with-netns.ts";
import { addAddress } from "./address.ts";
import { deleteLink, findLink, setLink } from "./link.ts";
import { openTun } from "./tun.ts";

test("openTun makes a link whose packets arrive at the descriptor", requireRoot, () =>
  withNetns(async (netns) => {
    using socket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
    using tun = openTun({ netns, name: "tun0", mode: "tun" });
    const link = findLink(socket, { name: "tun0" });
    assert.deepEqual(link?.kind, { type: "tun", mode: "tun", persistent: false });
    setLink(socket, link.ifindex, { up: true });
    addAddress(socket, { ifindex: link.ifindex, prefix: parsePrefix("10.1.0.1/24") });
    const { promise, resolve } = Promise.withResolvers<Buffer>();
    const buffer = Buffer.alloc(2048);
    using _ = watchReadable(tun.fd, () => {
      for (;;) {
        try {
          const packet = buffer.subarray(0, readSync(tun.fd, buffer));
          if (packet[0] === 0x45) resolve(Buffer.from(packet));
        } catch {
          return; // EAGAIN: everything is read
        }
      }
    });
    await execIn(netns, ["ping", "-c1", "-W1", "10.1.0.2"]);
    assert.equal((await promise).subarray(16, 20).join("."), "10.1.0.2");
  }),
);

test("openTun with persistent leaves the link behind, without it goes with the descriptor", requireRoot, () =>
  withNetns((netns) => {
    using socket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
    openTun({ netns, name: "tap0", mode: "tap", persistent: true, owner: 1000, group: 1000 })[Symbol.dispose]();
    openTun({ netns, name: "tap1", mode: "tap" })[Symbol.dispose]();
    const link = findLink(socket, { name: "tap0" });
    assert.deepEqual(link?.kind, { type: "tun", mode: "tap", persistent: true });
    assert.equal(findLink(socket, { name: "tap1" }), undefined);
    assert.throws(
      () => openTun({ netns, name: "tap0", mode: "tun" }),
      (error) => isErrno(error, "EINVAL"),
    );
    deleteLink(socket, link.ifindex);
  }),
);
