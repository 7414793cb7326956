/** Connections on which a test says every byte itself, or none. */
import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls, createSecureContext, type TLSSocket } from "node:tls";
import type { Pki } from "#control-plane/pki/open-pki.ts";

export interface RawTarget {
  readonly port: number;
  readonly pki: Pick<Pki, "certificateAuthority" | "admin">;
}

export interface RawConnector {
  /** Speaks no TLS by itself. */
  tcp(): Promise<Socket>;
  /** As the administrator; rejects when the server refuses. */
  tls(protocol?: "http/1.1" | "h2"): Promise<TLSSocket>;
}

export function createRawConnector({ port, pki }: RawTarget): RawConnector {
  const { certificateAuthority: ca, admin } = pki;
  const secureContext = createSecureContext({ ca, cert: admin.certificate, key: admin.key });
  return {
    async tcp() {
      const socket = connectTcp({ host: "127.0.0.1", port });
      await once(socket, "connect");
      // Being thrown out is what is expected.
      return socket.on("error", () => undefined);
    },
    async tls(protocol = "http/1.1") {
      const socket = connectTls({ host: "127.0.0.1", port, secureContext, ALPNProtocols: [protocol] });
      await once(socket, "secureConnect");
      return socket.on("error", () => undefined);
    },
  };
}

/** Everything until the connection ends, however that comes; rejects when it does not. */
export async function textOf(socket: Socket): Promise<string> {
  let text = "";
  socket.setEncoding("utf8");
  socket.on("data", (piece: string) => {
    text += piece;
  });
  await closeOf(socket);
  return text;
}

const PATIENCE_MS = 60_000;

/** Resolves when the connection is closed, also by an error; rejects when it is not. */
export async function closeOf(socket: Socket): Promise<void> {
  if (socket.closed) return;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => reject(new Error("the connection was not closed")), PATIENCE_MS);
  socket.once("close", () => resolve());
  try {
    await promise;
  } finally {
    clearTimeout(timer);
  }
}
