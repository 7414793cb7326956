/** Port-forward: what listens on a pod's ports says hello over HTTP; nothing listens on port 81. */
import type { Duplex } from "node:stream";
import { type SpdyStream, serveSpdy } from "./serve-spdy.ts";

const CLOSED_PORT = "81";

/** Resolves when the client has gone. */
export async function servePorts(connection: Duplex): Promise<void> {
  const errors = new Map<string, Duplex>();
  await serveSpdy(connection, ({ headers, duplex }: SpdyStream) => {
    const id = headers.get("requestid") ?? "";
    const port = headers.get("port") ?? "";
    if (headers.get("streamtype") === "error") {
      errors.set(id, duplex);
      duplex.resume();
      return;
    }
    const error = errors.get(id);
    if (port === CLOSED_PORT) {
      error?.end(`failed to connect to localhost:${port}: connection refused`);
      duplex.end();
      return;
    }
    duplex.once("data", () => {
      const body = `hello from port ${port}\n`;
      duplex.end(`HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
      error?.end();
    });
  });
}
