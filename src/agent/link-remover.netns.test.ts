import assert from "node:assert/strict";
import { test } from "node:test";
import { isErrno } from "#kernel/kernel-error.ts";
import { createNetlinkSocket, NETLINK_ROUTE, type NetlinkSocket } from "#kernel/netlink/socket.ts";
import { createVeth, listLinks } from "#kernel/rtnetlink/link.ts";
import { threadSyscalls } from "#kernel/syscalls/syscalls.ts";
import { requireRoot, testNetns } from "#kernel/testing/with-netns.ts";
import type { LinkEvents, LinkRemover } from "#plugins/host.ts";
import { createLinkEvents } from "./link-events.ts";
import { createLinkRemover, MAX_DELETIONS } from "./link-remover.ts";

interface Scene extends Disposable {
  readonly remover: LinkRemover;
  readonly socket: NetlinkSocket;
  /** Sockets that the remover has opened. */
  readonly lanes: readonly NetlinkSocket[];
  makeLink(name: string): number;
  names(): readonly string[];
}

const SILENT: LinkEvents = { listen: () => ({ [Symbol.dispose]: () => undefined }) };

function createScene(wrap: (events: LinkEvents) => LinkEvents = (events) => events): Scene {
  const stack = new DisposableStack();
  const netns = stack.use(testNetns());
  const pods = stack.use(testNetns());
  const socket = stack.use(createNetlinkSocket({ protocol: NETLINK_ROUTE, netns }));
  const lanes: NetlinkSocket[] = [];
  const remover = createLinkRemover({
    events: wrap(stack.use(createLinkEvents(netns))),
    openSocket() {
      lanes.push(stack.use(createNetlinkSocket({ protocol: NETLINK_ROUTE, netns })));
      return lanes.at(-1) ?? socket;
    },
  });
  return {
    remover,
    socket,
    lanes,
    makeLink: (name) => createVeth(socket, { name, peer: { name: `p${name}`, netnsFd: pods.fd } }).ifindex,
    names: () => listLinks(socket, { kind: "veth" }).map(({ name }) => name),
    [Symbol.dispose]: () => stack.dispose(),
  };
}

/** Sends wait on their threads until they are let go; answers how many wait. */
function holdSends(): Disposable & { readonly held: () => number; release(): void } {
  const { send } = threadSyscalls;
  let gate = Promise.withResolvers<void>();
  let held = 0;
  threadSyscalls.send = async (fd, data) => {
    held += 1;
    await gate.promise;
    held -= 1;
    return send(fd, data);
  };
  return {
    held: () => held,
    release() {
      gate.resolve();
      gate = Promise.withResolvers();
      gate.resolve();
    },
    [Symbol.dispose]: () => {
      threadSyscalls.send = send;
    },
  };
}

test(
  "remove resolves when the kernel says that the link is gone, before the acknowledgement",
  requireRoot,
  async () => {
    using scene = createScene();
    const { send } = threadSyscalls;
    const acknowledgement = Promise.withResolvers<void>();
    threadSyscalls.send = async (fd, data) => {
      const result = await send(fd, data);
      await acknowledgement.promise; // never comes before the end of the removal
      return result;
    };
    try {
      await scene.remover.remove(scene.makeLink("v1"));
      assert.deepEqual(scene.names(), []);
    } finally {
      threadSyscalls.send = send;
      acknowledgement.resolve();
    }
  },
);

test("remove resolves by the acknowledgement when no event comes", requireRoot, async () => {
  using scene = createScene(() => SILENT);
  await Promise.all(["v1", "v2"].map((name) => scene.remover.remove(scene.makeLink(name))));
  assert.deepEqual(scene.names(), []);
});

test("many links at once go in groups, each on its own lane", requireRoot, async () => {
  using scene = createScene();
  const links = Array.from({ length: MAX_DELETIONS * 5 }, (_, index) => scene.makeLink(`v${index}`));
  const kept = scene.makeLink("kept");
  assert.ok(kept > 0);
  using hold = holdSends();
  const removals = Promise.all(links.map((ifindex) => scene.remover.remove(ifindex)));
  assert.equal(hold.held(), MAX_DELETIONS);
  hold.release();
  await removals;
  assert.deepEqual(scene.names(), ["kept"]);
  assert.equal(scene.lanes.length, MAX_DELETIONS);
});

test("remove is fine with a link that is gone, alone and in a group", requireRoot, async () => {
  using scene = createScene();
  await scene.remover.remove(4711);
  const links = Array.from({ length: MAX_DELETIONS * 2 }, (_, index) => scene.makeLink(`v${index}`));
  await Promise.all([...links, 5001, 5002, 5003].map((ifindex) => scene.remover.remove(ifindex)));
  await Promise.all(Array.from({ length: MAX_DELETIONS * 2 }, (_, index) => scene.remover.remove(6000 + index)));
  assert.deepEqual(scene.names(), []);
});

test("two may remove the same link at the same time", requireRoot, async () => {
  using scene = createScene();
  const ifindex = scene.makeLink("v1");
  await Promise.all([scene.remover.remove(ifindex), scene.remover.remove(ifindex), scene.remover.remove(ifindex)]);
  assert.deepEqual(scene.names(), []);
});

test("remove rejects when the kernel refuses, and goes on with the next link", requireRoot, async () => {
  using scene = createScene(() => SILENT);
  // Nobody may delete the loopback device.
  await assert.rejects(scene.remover.remove(1), (error) => isErrno(error, "EOPNOTSUPP", "EINVAL"));
  await scene.remover.remove(scene.makeLink("v1"));
  assert.deepEqual(scene.names(), []);
});

test("remove rejects when no socket can be opened, and works again when one can", requireRoot, async () => {
  using scene = createScene();
  let isBroken = true;
  const remover = createLinkRemover({
    events: SILENT,
    openSocket() {
      if (isBroken) throw new Error("too many open files");
      return scene.socket;
    },
  });
  const ifindex = scene.makeLink("v1");
  await assert.rejects(remover.remove(ifindex), /too many open files/);
  isBroken = false;
  await remover.remove(ifindex);
  assert.deepEqual(scene.names(), []);
});
