/** A name server for others' names on loopback, that answers as it is told. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import type { UpstreamServer } from "../upstream/exchange.ts";

export interface TestUpstream extends AsyncDisposable {
  readonly server: UpstreamServer;
  /** Questions as they came. */
  readonly asked: readonly Buffer[];
}

/** Undefined is no answer. Over TCP too, with `overTcp`. */
export async function startUpstream(
  answer: (query: Buffer) => Buffer | undefined,
  overTcp: (query: Buffer) => Buffer = () => Buffer.alloc(0),
): Promise<TestUpstream> {
  const asked: Buffer[] = [];
  const udp = createSocket("udp4");
  udp.on("message", (query, { port, address }) => {
    asked.push(query);
    const response = answer(query);
    if (response !== undefined) udp.send(response, port, address);
  });
  udp.bind(0, "127.0.0.1");
  await once(udp, "listening");
  const { port } = udp.address();
  const tcp = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      const response = overTcp(chunk.subarray(2));
      const length = Buffer.alloc(2);
      length.writeUInt16BE(response.length);
      // In pieces, as a network may have it.
      socket.write(length.subarray(0, 1));
      socket.end(Buffer.concat([length.subarray(1), response]));
    });
  });
  tcp.listen(port, "127.0.0.1");
  await once(tcp, "listening");
  return {
    server: { address: "127.0.0.1", family: 4, port },
    asked,
    async [Symbol.asyncDispose]() {
      udp.close();
      tcp.close();
      await Promise.all([once(udp, "close"), once(tcp, "close")]);
    },
  };
}
