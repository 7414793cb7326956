import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { parseAddress } from "#base/ip-address.ts";
import type { Netns } from "../netns/netns.ts";
import { createTcpServer } from "../tcp/tcp-socket.ts";
import { requireRoot, withNetns } from "../testing/with-netns.ts";
import { openUdpSocket } from "../udp/udp-socket.ts";
import { isBindable } from "./bindable.ts";

const PORT = 8080;
const any4 = parseAddress("0.0.0.0");
const any6 = parseAddress("::");
const one = parseAddress("127.0.0.1");
const two = parseAddress("127.0.0.2");

function listen(netns: Netns, address: typeof any4): AsyncDisposable {
  const server = createTcpServer(netns, { address, port: PORT }, (socket) => socket.end());
  return {
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      await closed;
    },
  };
}

test(
  "isBindable says no where a TCP socket listens, on this address, on all, or on all of both families",
  requireRoot,
  () =>
    withNetns(
      async (netns) => {
        const free = (address: typeof any4, port = PORT): boolean =>
          isBindable(netns, { protocol: "tcp", address, port });
        const all = (): readonly boolean[] => [any4, any6, one, two].map((address) => free(address));
        assert.deepEqual(all(), [true, true, true, true]);
        {
          await using _ = listen(netns, one);
          assert.deepEqual(all(), [false, false, false, true]);
          assert.equal(free(any4, PORT + 1), true);
        }
        {
          await using _ = listen(netns, any6);
          assert.deepEqual(all(), [false, false, false, false]);
        }
        assert.deepEqual(all(), [true, true, true, true]);
      },
      { loopbackUp: true },
    ),
);

test("isBindable says no where a UDP socket has the port", requireRoot, () =>
  withNetns(
    (netns) => {
      const free = (address: typeof any4): boolean => isBindable(netns, { protocol: "udp", address, port: PORT });
      const unheard = { datagram: () => undefined, error: () => undefined };
      {
        using _ = openUdpSocket(netns, { address: one, port: PORT }, unheard);
        assert.deepEqual([any4, any6, one, two].map(free), [false, false, false, true]);
        assert.equal(isBindable(netns, { protocol: "tcp", address: any4, port: PORT }), true);
      }
      assert.equal(free(any4), true);
    },
    { loopbackUp: true },
  ),
);
