import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "#base/ip-address.ts";
import { outputIn } from "../testing/run-in-netns.ts";
import { requireRoot, withNetns } from "../testing/with-netns.ts";
import { decodeSocketAddress, encodeSocketAddress, type SocketAddress } from "./socket-address.ts";
import { type IcmpError, openUdpSocket, type UdpListener } from "./udp-socket.ts";

for (const text of ["127.0.0.1", "::1"]) {
  test(`openUdpSocket hears a datagram with its sender, and an ICMP error with who sent it: ${text}`, requireRoot, () =>
    withNetns(
      async (netns) => {
        const address = parseAddress(text);
        const heard = Promise.withResolvers<{ bytes: string; from: SocketAddress }>();
        const failed = Promise.withResolvers<IcmpError>();
        const listener: UdpListener = {
          datagram: (bytes, from) => heard.resolve({ bytes: String(bytes), from }),
          error: (error) => failed.resolve(error),
        };
        using one = openUdpSocket(netns, { address, port: 0 }, listener);
        using other = openUdpSocket(netns, { address, port: 0 }, listener);
        one.send(Buffer.from("hello"), other.local);
        assert.deepEqual(await heard.promise, { bytes: "hello", from: one.local });
        one.send(Buffer.from("anybody?"), { address, port: 9 });
        const { code, offender, target, quoted } = await failed.promise;
        assert.deepEqual(
          { code, offender, target, quoted: String(quoted) },
          { code: "ECONNREFUSED", offender: address, target: { address, port: 9 }, quoted: "anybody?" },
        );
        one.send(Buffer.from("again"), other.local);
      },
      { loopbackUp: true },
    ),
  );
}

test("openUdpSocket: an ICMP error about one datagram does not stop the next one", requireRoot, () =>
  withNetns(
    async (netns) => {
      const address = parseAddress("127.0.0.1");
      const heard: string[] = [];
      const errors: string[] = [];
      const listener: UdpListener = {
        datagram: (bytes) => heard.push(String(bytes)),
        error: ({ quoted }) => errors.push(String(quoted)),
      };
      using one = openUdpSocket(netns, { address, port: 0 }, listener);
      const done = Promise.withResolvers<void>();
      using other = openUdpSocket(netns, { address, port: 0 }, { ...listener, datagram: () => done.resolve() });
      // The error is pending before the second call: loopback answers within the first one.
      one.send(Buffer.from("first"), { address, port: 9 });
      one.send(Buffer.from("second"), other.local);
      await done.promise;
      assert.deepEqual([errors, heard], [["first"], []]);
    },
    { loopbackUp: true },
  ),
);

test("openUdpSocket: a datagram over the link's MTU is refused, one of its size is not", requireRoot, () =>
  withNetns(
    async (netns) => {
      await outputIn(netns, ["ip", "link", "set", "lo", "mtu", "1400"]);
      const silent: UdpListener = { datagram: () => undefined, error: () => undefined };
      using socket = openUdpSocket(netns, { address: parseAddress("127.0.0.1"), port: 0 }, silent);
      socket.send(Buffer.alloc(1372), socket.local);
      assert.throws(() => socket.send(Buffer.alloc(1373), socket.local), { code: "EMSGSIZE" });
    },
    { loopbackUp: true },
  ),
);

test("openUdpSocket refuses an address that the namespace does not have", requireRoot, () =>
  withNetns(
    (netns) => {
      const local = { address: parseAddress("192.0.2.1"), port: 0 };
      const silent: UdpListener = { datagram: () => undefined, error: () => undefined };
      assert.throws(() => openUdpSocket(netns, local, silent)[Symbol.dispose](), { code: "EADDRNOTAVAIL" });
    },
    { loopbackUp: true },
  ),
);

test("decodeSocketAddress reads what encodeSocketAddress writes, and nothing else", () => {
  for (const text of ["10.1.2.3", "fd00::7"]) {
    const value = { address: parseAddress(text), port: 4711 };
    const bytes = encodeSocketAddress(value);
    assert.deepEqual(decodeSocketAddress(bytes), value);
    for (let length = 0; length < bytes.length; length++) {
      assert.equal(decodeSocketAddress(bytes.subarray(0, length)), undefined);
    }
  }
  assert.equal(decodeSocketAddress(Buffer.alloc(28)), undefined);
});
