import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { createNetlinkSocket, NETLINK_ROUTE } from "./netlink/socket.ts";
import { createVeth } from "./rtnetlink/link.ts";
import { readSysctl, SysctlError, writeSysctl, writeSysctls } from "./sysctl.ts";
import { outputIn } from "./testing/run-in-netns.ts";
import { requireRoot, withNetns } from "./testing/with-netns.ts";

test("writeSysctl changes the namespace and not the machine", requireRoot, () =>
  withNetns(async (netns) => {
    const before = readFileSync("/proc/sys/net/ipv4/ip_forward", "utf8");
    assert.equal(readSysctl(netns, "net/ipv4/ip_forward"), "0");
    writeSysctl(netns, "net/ipv4/ip_forward", 1);
    assert.equal(readSysctl(netns, "net/ipv4/ip_forward"), "1");
    assert.equal((await outputIn(netns, ["cat", "/proc/sys/net/ipv4/ip_forward"])).trim(), "1");
    assert.equal(readFileSync("/proc/sys/net/ipv4/ip_forward", "utf8"), before);
  }),
);

test("writeSysctls writes several keys, names of links with dots too", requireRoot, () =>
  withNetns((netns) => {
    using socket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
    createVeth(socket, { name: "eth0.5", peer: { name: "eth1" } });
    writeSysctls(netns, { "net/ipv4/conf/eth0.5/rp_filter": 2, "net/ipv6/conf/eth0.5/accept_ra": "0" });
    assert.equal(readSysctl(netns, "net/ipv4/conf/eth0.5/rp_filter"), "2");
    assert.equal(readSysctl(netns, "net/ipv6/conf/eth0.5/accept_ra"), "0");
  }),
);

test("sysctls that are not there or refuse a value throw SysctlError with the errno", requireRoot, () =>
  withNetns((netns) => {
    const missing = (error: unknown) => error instanceof SysctlError && error.code === "ENOENT";
    assert.throws(() => readSysctl(netns, "net/ipv4/conf/nope/rp_filter"), missing);
    assert.throws(() => writeSysctl(netns, "net/ipv4/conf/nope/rp_filter", 1), missing);
    assert.throws(
      () => writeSysctl(netns, "net/ipv4/ip_forward", "many"),
      (error) => error instanceof SysctlError && error.code === "EINVAL",
    );
  }),
);

const badKeys = [
  "",
  "net",
  "net/",
  "kernel/hostname",
  "net/../kernel/hostname",
  "net/ipv4/..",
  "net//ipv4",
  "/net/ipv4/ip_forward",
  "net/ipv4/./ip_forward",
  "net.ipv4.ip_forward",
  "net/ipv4/ip_forward\0",
];
for (const key of badKeys) {
  test(`sysctl key ${JSON.stringify(key)} is refused before the namespace is entered`, () => {
    const nowhere = { fd: -1, inode: 0 };
    const refused = (error: unknown) => error instanceof SysctlError && error.code === "EKEY";
    assert.throws(() => readSysctl(nowhere, key), refused);
    assert.throws(() => writeSysctl(nowhere, key, 1), refused);
  });
}
