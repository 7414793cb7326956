import assert from "node:assert/strict";
import { test } from "node:test";
import { leftovers, linkNames, mountNames } from "./machine-state.ts";

test("leftovers names what is new, by kind, and nothing that went away", () => {
  const before = { links: ["lo", "eth0"], mounts: ["/"] };
  const after = { links: ["lo", "veth1"], mounts: ["/"], processes: ["7 sleep 1"] };
  assert.deepEqual(leftovers(before, after), [
    { kind: "links", name: "veth1" },
    { kind: "processes", name: "7 sleep 1" },
  ]);
  assert.deepEqual(leftovers(after, after), []);
});

test("linkNames reads `ip -o link`, without the peer's index", () => {
  const text = "1: lo: <LOOPBACK,UP> mtu 65536\\    link/loopback\n7: veth1@if3: <BROADCAST> mtu 1500\n";
  assert.deepEqual(linkNames(text), ["lo", "veth1"]);
});

test("mountNames reads mountinfo with any number of optional fields", () => {
  const text = [
    "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw",
    "40 22 0:30 / /run rw - tmpfs tmpfs rw,mode=755",
    "41 40 0:4 net:[4026532] /run/netns/a rw shared:9 master:2 - nsfs nsfs rw",
    "",
  ].join("\n");
  assert.deepEqual(mountNames(text), ["/ (ext4)", "/run (tmpfs)", "/run/netns/a (nsfs)"]);
});
