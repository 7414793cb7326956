import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { buffer } from "node:stream/consumers";
import { suite, test } from "node:test";
import { createInflate } from "node:zlib";
import { openSpdy } from "./open-spdy.ts";
import { SPDY_DICTIONARY } from "./spdy-dictionary.ts";
import {
  createFrameReader,
  FLAG_FIN,
  formatFrame,
  PING,
  RST_STREAM,
  type SpdyFrame,
  SYN_STREAM,
} from "./spdy-frames.ts";

/** The runtime's side: frames that come, a socket for frames that go. */
async function peer() {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  const accepted = once(server, "connection");
  const client = connect(port, "127.0.0.1");
  await once(client, "connect");
  const [remote] = (await accepted) as [Socket];
  const frames: SpdyFrame[] = [];
  const read = createFrameReader();
  let wake: () => void = () => undefined;
  remote.on("data", (chunk: Buffer) => {
    frames.push(...read(chunk));
    wake();
  });
  remote.on("error", () => undefined);
  return {
    client,
    remote,
    frames,
    send: (frame: SpdyFrame) => remote.write(formatFrame(frame)),
    async untilFrames(count: number) {
      while (frames.length < count) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    [Symbol.dispose]() {
      remote.destroy();
      client.destroy();
      server.close();
    },
  };
}

suite("openSpdy", () => {
  test("opens streams with odd numbers and headers that a peer can inflate", async () => {
    using other = await peer();
    const spdy = openSpdy(other.client, Buffer.alloc(0));
    await spdy.open({ streamtype: "error" });
    await spdy.open({ streamtype: "stdin" });
    await other.untilFrames(2);
    const inflate = createInflate({ dictionary: SPDY_DICTIONARY });
    const texts: string[] = [];
    for (const frame of other.frames) {
      assert.equal(frame.type, SYN_STREAM);
      // No stream that it is about, priority and slot stand before the headers.
      inflate.write(frame.payload.subarray(6));
      await once(inflate, "readable");
      texts.push(
        String(inflate.read())
          .replaceAll(/[^a-z]+/g, " ")
          .trim(),
      );
    }
    assert.deepEqual(texts, ["streamtype error", "streamtype stdin"]);
    assert.deepEqual(
      other.frames.map(({ id }) => id),
      [1, 3],
    );
  });

  test("a stream's end is a half: what comes afterwards is read", async () => {
    using other = await peer();
    const spdy = openSpdy(other.client, Buffer.alloc(0));
    const stream = await spdy.open({ streamtype: "stdin" });
    stream.end("hello");
    await other.untilFrames(3);
    assert.deepEqual(
      other.frames.slice(1).map(({ payload, flags }) => [payload.toString(), flags]),
      [
        ["hello", 0],
        ["", FLAG_FIN],
      ],
    );
    other.send({ type: undefined, id: 1, flags: FLAG_FIN, payload: Buffer.from("answer") });
    assert.equal((await buffer(stream)).toString(), "answer");
  });

  for (const [what, finish] of [
    [
      "a reset",
      (other: Awaited<ReturnType<typeof peer>>) =>
        other.send({ type: RST_STREAM, id: 1, flags: 0, payload: Buffer.alloc(4) }),
    ],
    ["the connection's end", (other: Awaited<ReturnType<typeof peer>>) => other.remote.end()],
  ] as const) {
    test(`${what} ends a stream behind all that was sent on it`, async () => {
      using other = await peer();
      const spdy = openSpdy(other.client, Buffer.alloc(0));
      const stream = await spdy.open({ streamtype: "stdout" });
      await other.untilFrames(1);
      const content = Buffer.alloc(500_000, "x");
      for (let offset = 0; offset < content.length; offset += 50_000) {
        other.send({ type: undefined, id: 1, flags: 0, payload: content.subarray(offset, offset + 50_000) });
      }
      finish(other);
      assert.deepEqual(await buffer(stream), content);
    });
  }

  test("who does not read holds the sender up, and a stream that goes away does not", async () => {
    using other = await peer();
    const spdy = openSpdy(other.client, Buffer.alloc(0));
    const [slow, other2] = [await spdy.open({ streamtype: "stdout" }), await spdy.open({ streamtype: "stderr" })];
    await other.untilFrames(2);
    for (let count = 0; count < 10; count += 1) {
      other.send({ type: undefined, id: 1, flags: 0, payload: Buffer.alloc(60_000) });
    }
    other.send({ type: undefined, id: 3, flags: FLAG_FIN, payload: Buffer.from("behind") });
    await once(slow, "readable");
    assert.ok(slow.readableLength < 200_000);
    slow.destroy();
    assert.equal((await buffer(other2)).toString(), "behind");
  });

  test("answers pings, also in what came with the upgrade", async () => {
    using other = await peer();
    openSpdy(other.client, formatFrame({ type: PING, id: 2, flags: 0, payload: Buffer.alloc(0) }));
    await other.untilFrames(1);
    assert.deepEqual(other.frames, [{ type: PING, id: 2, flags: 0, payload: Buffer.alloc(0) }]);
  });
});
