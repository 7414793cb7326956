import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { isErrno, KernelError } from "../kernel-error.ts";
import { createVeth, deleteLinkOnThread, findLink } from "../rtnetlink/link.ts";
import { syscalls } from "../syscalls/syscalls.ts";
import { requireRoot, withNetns } from "../testing/with-netns.ts";
import { encodeMessage, NLM_F_DUMP_INTR, NLM_F_MULTI, NLMSG_DONE, NLMSG_ERROR } from "./message.ts";
import { createNetlinkSocket, listenNetlink, NETLINK_ROUTE, type NetlinkSocket } from "./socket.ts";

const RTM_GETLINK = 18;
const RTM_NEWLINK = 16;
const ifinfomsg = (index: number): Buffer => {
  const bytes = Buffer.alloc(16);
  bytes.writeInt32LE(index, 4);
  return bytes;
};

/** Answers requests in the kernel's place: `answer` gets the number of the request and its sequence number. */
function withFakeKernel(
  answer: (round: number, sequence: number) => Buffer,
  body: (socket: NetlinkSocket) => void,
): void {
  using socket = createNetlinkSocket({ protocol: NETLINK_ROUTE });
  const { send, recv } = syscalls;
  const waiting: Buffer[] = [];
  let round = 0;
  try {
    syscalls.send = (_fd, data) => {
      assert.ok(Buffer.isBuffer(data));
      waiting.push(answer(++round, data.readUInt32LE(8)));
      return data.length;
    };
    syscalls.recv = (_fd, data) => {
      const next = waiting.shift();
      assert.ok(next && Buffer.isBuffer(data), "more was read than was sent");
      return next.copy(data);
    };
    body(socket);
  } finally {
    Object.assign(syscalls, { send, recv });
  }
}

const part = (sequence: number, text: string, flags = 0) =>
  encodeMessage({ type: RTM_NEWLINK, payload: Buffer.from(text) }, NLM_F_MULTI | flags, sequence);
const done = (sequence: number, flags = 0) =>
  encodeMessage({ type: NLMSG_DONE, payload: Buffer.alloc(4) }, NLM_F_MULTI | flags, sequence);

for (const place of ["a message", "the end"] as const) {
  test(`dump is asked for again when ${place} says that it changed meanwhile`, () => {
    const flag = (round: number, here: boolean) => (round < 3 && here ? NLM_F_DUMP_INTR : 0);
    withFakeKernel(
      (round, sequence) =>
        Buffer.concat([
          part(sequence, `round${round}`, flag(round, place === "a message")),
          done(sequence, flag(round, place === "the end")),
        ]),
      (socket) => {
        const messages = socket.dump({ type: RTM_GETLINK, payload: ifinfomsg(0) }, "link show");
        assert.deepEqual(
          messages.map(({ payload }) => payload.toString()),
          ["round3"],
        );
      },
    );
  });
}

test("dump gives up with EINTR when it changes every time", () => {
  withFakeKernel(
    (_round, sequence) => done(sequence, NLM_F_DUMP_INTR),
    (socket) =>
      assert.throws(
        () => socket.dump({ type: RTM_GETLINK, payload: ifinfomsg(0) }, "link show"),
        (error) => isErrno(error, "EINTR"),
      ),
  );
});

test("request skips what is left over from an earlier one", () => {
  withFakeKernel(
    (_round, sequence) =>
      Buffer.concat([
        part(sequence - 1, "old"),
        done(sequence - 1),
        part(sequence, "new"),
        encodeMessage({ type: NLMSG_ERROR, payload: Buffer.alloc(20) }, 0x100, sequence),
      ]),
    (socket) => {
      const messages = socket.request({ type: RTM_GETLINK, payload: ifinfomsg(1) }, "link show");
      assert.deepEqual(
        messages.map(({ payload }) => payload.toString()),
        ["new"],
      );
    },
  );
});

test("payloads stay as they are when the socket reads again", requireRoot, () =>
  withNetns((netns) => {
    using socket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
    const [first] = socket.request({ type: RTM_GETLINK, payload: ifinfomsg(1) }, "link show 1");
    assert.ok(first);
    const before = Buffer.from(first.payload);
    assert.throws(() => socket.request({ type: RTM_GETLINK, payload: ifinfomsg(99) }, "link show 99"));
    assert.deepEqual(first.payload, before);
  }),
);

for (const way of ["request", "requestOnThread"] as const) {
  test(`${way} throws KernelError with operation and errno`, requireRoot, () =>
    withNetns(async (netns) => {
      using socket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
      await assert.rejects(
        async () => socket[way]({ type: RTM_GETLINK, payload: ifinfomsg(99) }, "link show 99"),
        (error) => error instanceof KernelError && error.code === "ENODEV" && error.operation === "link show 99",
      );
    }),
  );
}

test("sockets close once, and a refused one leaves no descriptor", requireRoot, () =>
  withNetns((netns) => {
    const before = readdirSync("/proc/self/fd").length;
    const socket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
    socket[Symbol.dispose]();
    socket[Symbol.dispose]();
    const nobody = { message: () => undefined, lost: () => undefined };
    assert.throws(() => listenNetlink({ protocol: NETLINK_ROUTE, netns, groups: [100_000] }, nobody), KernelError);
    assert.equal(readdirSync("/proc/self/fd").length, before);
  }),
);

test("a socket that is disposed while a request is on its thread keeps its descriptor until then", requireRoot, () =>
  withNetns(async (netns) => {
    using other = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
    const { ifindex } = createVeth(other, { name: "eth0", up: true, peer: { name: "eth1" } });
    const socket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
    const deletion = deleteLinkOnThread(socket, ifindex);
    socket[Symbol.dispose]();
    using next = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
    assert.notEqual(next.fd, socket.fd);
    await assert.rejects(deletion, (error) => isErrno(error, "EBADF"));
    assert.equal(findLink(other, { ifindex }), undefined);
    using last = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
    assert.equal(last.fd, socket.fd);
  }),
);
