import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { parseAddress } from "#base/ip-address.ts";
import { requireRoot, withNetns } from "../testing/with-netns.ts";
import { createTcpServer, createTcpSocket } from "./tcp-socket.ts";

for (const text of ["127.0.0.1", "::1"]) {
  test(`createTcpSocket and createTcpServer meet on ${text} of their namespace`, requireRoot, () =>
    withNetns(
      async (netns) => {
        const address = parseAddress(text);
        const server = createTcpServer(netns, { address, port: 0 }, (socket) =>
          socket.end(socket.remoteAddress ?? "nobody"),
        );
        const bound = server.address();
        assert.ok(bound !== null && typeof bound === "object");
        const client = createTcpSocket(netns, { address, port: 0 });
        client.connect({ host: address, port: bound.port });
        const [heard] = await once(client, "data");
        assert.equal(String(heard), text);
        const closed = once(server, "close");
        server.close();
        client.destroy();
        await closed;
      },
      { loopbackUp: true },
    ),
  );
}

test("createTcpServer refuses an address that the namespace does not have", requireRoot, () =>
  withNetns(
    (netns) => {
      const local = { address: parseAddress("192.0.2.1"), port: 0 };
      assert.throws(() => createTcpServer(netns, local, () => undefined).close(), { code: "EADDRNOTAVAIL" });
    },
    { loopbackUp: true },
  ),
);
