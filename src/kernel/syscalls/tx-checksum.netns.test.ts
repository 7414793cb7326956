import assert from "node:assert/strict";
import { test } from "node:test";
import { isErrno } from "../kernel-error.ts";
import { createNetlinkSocket, NETLINK_ROUTE } from "../netlink/socket.ts";
import { createLink } from "../rtnetlink/link.ts";
import { requireRoot, withNetns } from "../testing/with-netns.ts";
import { readTxChecksum, setTxChecksum } from "./tx-checksum.ts";

test("setTxChecksum switches what readTxChecksum reads, link by link", requireRoot, () =>
  withNetns((netns) => {
    using socket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
    for (const [index, name] of ["vx1", "vx2"].entries()) {
      createLink(socket, { name, kind: { type: "vxlan", id: index + 1, port: 8472, learning: false } });
    }
    setTxChecksum(socket, "vx1", { on: false });
    assert.deepEqual([readTxChecksum(socket, "vx1"), readTxChecksum(socket, "vx2")], [false, true]);
    setTxChecksum(socket, "vx1", { on: true });
    assert.equal(readTxChecksum(socket, "vx1"), true);
    assert.throws(
      () => readTxChecksum(socket, "none"),
      (error) => isErrno(error, "ENODEV"),
    );
  }),
);
