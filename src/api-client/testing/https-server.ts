/** A real HTTPS server on a free port, for tests of the client: what it answers is the test's. */
import { generateKeyPairSync, webcrypto } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { Socket } from "node:net";
import type { JsonValue } from "#base/json.ts";
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

const SIGNATURE = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** Signs itself, for 127.0.0.1. */
export async function makeCertificate(): Promise<Pair> {
  await import("reflect-metadata");
  const x509 = await import("@peculiar/x509");
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      name: "CN=test",
      notBefore: new Date(Date.now() - 60_000),
      notAfter: new Date(Date.now() + 3_600_000),
      signingAlgorithm: SIGNATURE,
      keys: {
        publicKey: publicKey.toCryptoKey(SIGNATURE, true, ["verify"]),
        privateKey: privateKey.toCryptoKey(SIGNATURE, true, ["sign"]),
      },
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.SubjectAlternativeNameExtension([{ type: "ip", value: "127.0.0.1" }]),
      ],
    },
    webcrypto,
  );
  return {
    certificate: certificate.toString("pem"),
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

export async function startHttpsServer(
  pair: Pair,
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<HttpsServer> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer(
    { key: pair.key, cert: pair.certificate, requestCert: true, rejectUnauthorized: false },
    handle,
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
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

export function answer(response: ServerResponse, code: number, body: JsonValue): void {
  response.writeHead(code, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}
