/** A real HTTP/2 server on a free port, for tests of the client: what it answers is the test's. */
import { once } from "node:events";
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import type { Socket } from "node:net";
import type { JsonValue } from "#base/json.ts";
// biome-ignore lint/style/noRestrictedImports: for tests only; nothing below control-plane signs certificates
import { signCertificate } from "#control-plane/pki/sign-certificate.ts";
import type { Cluster } from "../kubeconfig.ts";

export interface HttpsServer extends AsyncDisposable {
  readonly cluster: Cluster;
  /** Connections that were ever made. */
  readonly connections: () => number;
  /** Cuts all connections. */
  cut(): void;
}

export interface Pair {
  readonly certificate: string;
  readonly key: string;
}

/** Signs itself, for 127.0.0.1. */
export function makeCertificate(): Pair {
  const now = Date.now();
  return signCertificate(
    {
      commonName: "test",
      usage: "authority",
      serverNames: ["127.0.0.1"],
      notBefore: new Date(now - 60_000),
      notAfter: new Date(now + 3_600_000),
    },
    undefined,
  );
}

export async function startHttpsServer(
  pair: Pair,
  handle: (request: Http2ServerRequest, response: Http2ServerResponse, cut: () => void) => void,
): Promise<HttpsServer> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createSecureServer(
    { key: pair.key, cert: pair.certificate, requestCert: true, rejectUnauthorized: false },
    (request, response) => handle(request, response, cut),
  );
  server.on("secureConnection", (socket) => {
    connections++;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => undefined); // cut by the test, or by a client that went away
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    cluster: {
      server: `https://127.0.0.1:${port}`,
      ca: pair.certificate,
      certificate: undefined,
      key: undefined,
      tlsServerName: undefined,
      token: undefined,
    },
    connections: () => connections,
    cut,
    async [Symbol.asyncDispose]() {
      server.close();
      cut();
      await once(server, "close");
    },
  };
}

export function answer(response: Http2ServerResponse, code: number, body: JsonValue): void {
  response.writeHead(code, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}
