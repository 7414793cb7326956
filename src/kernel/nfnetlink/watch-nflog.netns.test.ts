import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "#base/ip-address.ts";
import { requireRoot, withNetns } from "../testing/with-netns.ts";
import { openUdpSocket } from "../udp/udp-socket.ts";
import { log, rule } from "./statements.ts";
import { createNftSocket } from "./transaction.ts";
import { type LoggedPacket, watchNflog } from "./watch-nflog.ts";

const GROUP = 5;
const TABLE = { family: "inet", table: "test" } as const;

test("watchNflog hears the packets that a rule logs, and refuses a group that somebody has", requireRoot, () =>
  withNetns(
    async (netns) => {
      using nft = createNftSocket(netns);
      const chain = { ...TABLE, chain: "output" };
      nft.commit(
        [
          { do: "create table", table: TABLE },
          { do: "add chain", chain: { ...chain, base: { type: "filter", hook: "output", priority: 0 } } },
          { do: "add rule", rule: { ...chain, expressions: rule(log("seen: ", GROUP)) } },
        ],
        "log",
      );
      const heard = Promise.withResolvers<LoggedPacket>();
      using _ = watchNflog(
        { netns, group: GROUP, snapBytes: 40 },
        { logged: heard.resolve, lost: () => heard.reject(new Error("lost")) },
      );
      assert.throws(() => watchNflog({ netns, group: GROUP }, { logged: () => undefined, lost: () => undefined }), {
        code: /^(EBUSY|EPERM)$/,
      });
      const address = parseAddress("127.0.0.1");
      const silent = { datagram: () => undefined, error: () => undefined };
      using socket = openUdpSocket(netns, { address, port: 0 }, silent);
      socket.send(Buffer.alloc(100), socket.local);
      const { prefix, protocol, outIfindex, packet, inIfindex } = await heard.promise;
      assert.deepEqual(
        { prefix, protocol, outIfindex, inIfindex, bytes: packet.length, version: packet[0] },
        { prefix: "seen: ", protocol: 0x0800, outIfindex: 1, inIfindex: undefined, bytes: 40, version: 0x45 },
      );
    },
    { loopbackUp: true },
  ),
);
