import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { execIn } from "../testing/run-in-netns.ts";
import { namedTestNetns, requireRoot, testNetns } from "../testing/with-netns.ts";
import {
  createNetns,
  findNetns,
  inNetns,
  NetnsError,
  openNetns,
  ownNetns,
  removeNetns,
  unshareNetns,
} from "./netns.ts";

const ownLink = () => readlinkSync("/proc/thread-self/ns/net");
const mounts = () => readFileSync("/proc/self/mountinfo", "utf8").split("\n").length;

test("inNetns runs the step inside and comes back, also when it throws", requireRoot, () => {
  using netns = testNetns();
  const home = ownLink();
  assert.equal(inNetns(netns, ownLink), `net:[${netns.inode}]`);
  assert.equal(ownLink(), home);
  assert.throws(
    () =>
      inNetns(netns, () => {
        throw new Error("inside");
      }),
    /inside/,
  );
  assert.equal(ownLink(), home);
});

test("unshareNetns gives an empty namespace that others enter by its path, and comes back", requireRoot, async () => {
  const home = ownLink();
  const before = mounts();
  const path = await (async () => {
    using netns = unshareNetns();
    assert.equal(ownLink(), home);
    assert.notEqual(home, `net:[${netns.inode}]`);
    using again = openNetns(netns.path);
    assert.equal(again.inode, netns.inode);
    const { stdout } = await execIn(netns, ["ip", "-brief", "link"]);
    assert.match(stdout, /^lo +DOWN [^\n]*\n$/);
    return netns.path;
  })();
  assert.equal(findNetns(path), undefined);
  assert.equal(mounts(), before);
});

test("createNetns binds a namespace that others can enter by its path; removeNetns ends it", requireRoot, async () => {
  const before = mounts();
  const { path, key } = await (async () => {
    using netns = namedTestNetns();
    using again = openNetns(netns.path);
    assert.equal(again.inode, netns.inode);
    const { stdout } = await execIn(netns, ["readlink", "/proc/self/ns/net"]);
    assert.equal(stdout.trim(), `net:[${netns.inode}]`);
    assert.throws(() => createNetns(netns.path), /EEXIST/);
    assert.equal(statSync(netns.path).ino, netns.inode);
    return { path: netns.path, key: netns.inode };
  })();
  assert.ok(key > 0);
  assert.equal(existsSync(path), false);
  assert.equal(mounts(), before);
});

test("removeNetns has nothing to do for a path that is gone, and removes a plain file", requireRoot, () => {
  const folder = mkdtempSync(join(tmpdir(), "pwtest-"));
  const path = join(folder, "netns");
  removeNetns(path);
  writeFileSync(path, "");
  removeNetns(path);
  assert.equal(existsSync(path), false);
  rmSync(folder, { recursive: true });
});

test("openNetns tells a missing path from a file that is no network namespace", requireRoot, () => {
  const codeOf = (path: string): string => {
    try {
      openNetns(path)[Symbol.dispose]();
      return "opened";
    } catch (error) {
      return error instanceof NetnsError ? error.code : String(error);
    }
  };
  assert.equal(codeOf("/nonexistent/netns"), "missing");
  assert.equal(codeOf("/proc/self/ns/mnt"), "notANamespace");
  assert.equal(codeOf("/etc/hostname"), "notANamespace");
  assert.equal(codeOf("/proc/self/ns/net"), "opened");
});

test("findNetns is undefined for what is no namespace", requireRoot, () => {
  assert.equal(findNetns(""), undefined);
  assert.equal(findNetns("/nonexistent/netns"), undefined);
  assert.equal(findNetns("/etc/hostname"), undefined);
  using own = ownNetns();
  using found = findNetns("/proc/self/ns/net");
  assert.equal(found?.inode, own.inode);
});

test("inNetns inside another step runs in the namespace that it names", requireRoot, () => {
  using outer = testNetns();
  using inner = testNetns();
  using home = ownNetns();
  const link = (netns: { readonly inode: number }) => `net:[${netns.inode}]`;
  const seen = inNetns(outer, () => [inNetns(outer, ownLink), inNetns(home, ownLink), ownLink()]);
  assert.deepEqual(seen, [link(outer), link(home), link(home)]);
  assert.equal(
    inNetns(outer, () => inNetns(inner, ownLink)),
    link(inner),
  );
  assert.equal(inNetns(home, ownLink), link(home));
});
