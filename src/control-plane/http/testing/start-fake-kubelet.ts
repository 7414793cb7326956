/**
 * A kubelet for tests, over real TLS with the cluster's certificates: answers logs, echoes WebSockets (v5 channels)
 * and SPDY connections byte for byte, and keeps the requests it got.
 */
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { WebSocketServer } from "ws";
import type { Pki } from "../../pki/open-pki.ts";

export interface FakeKubelet extends AsyncDisposable {
  readonly port: number;
  /** "GET /containerLogs/…?…", with the client's common name. */
  readonly requests: readonly { readonly line: string; readonly client: string }[];
  /** Writes one more line to all logs that are followed. */
  log(line: string): void;
  endLogs(): void;
}

export async function startFakeKubelet(pki: Pki): Promise<FakeKubelet> {
  const pair = await pki.issueServing({
    commonName: "system:node:n1",
    organizations: ["system:nodes"],
    serverNames: ["127.0.0.1"],
  });
  const requests: { readonly line: string; readonly client: string }[] = [];
  const followers = new Set<{ write(text: string): unknown; end(): unknown }>();
  const sockets = new Set<Socket>();
  const note = (request: IncomingMessage): void => {
    // The server speaks TLS only.
    const { CN } = (request.socket as TLSSocket).getPeerCertificate().subject;
    requests.push({ line: `${request.method} ${request.url}`, client: String(CN) });
  };
  const server = createServer({
    key: pair.key,
    cert: pair.certificate,
    ca: pki.certificateAuthority,
    requestCert: true,
    rejectUnauthorized: true,
  });
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  server.on("request", (request, response) => {
    note(request);
    const { pathname, searchParams } = new URL(request.url ?? "", "https://kubelet");
    if (pathname.startsWith("/containerLogs/default/web/")) {
      response.write("hello\n");
      if (searchParams.has("follow")) followers.add(response);
      else response.end();
      return;
    }
    const isWaiting = pathname.startsWith("/containerLogs/default/waiting/");
    response.writeHead(isWaiting ? 400 : 404);
    response.end(isWaiting ? 'container "c" in pod "waiting" is waiting to start: ContainerCreating' : "not found");
  });
  const webSockets = new WebSocketServer({
    noServer: true,
    handleProtocols: (protocols) => (protocols.has("v5.channel.k8s.io") ? "v5.channel.k8s.io" : false),
  });
  server.on("upgrade", (request, socket, head) => {
    note(request);
    if ((request.url ?? "").startsWith("/exec/default/broken/")) {
      socket.end("HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 9\r\n\r\nnot there");
      return;
    }
    if (request.headers.upgrade === "SPDY/3.1") {
      const version = request.headers["x-stream-protocol-version"];
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ${version}\r\n\r\n`,
      );
      socket.write(head);
      socket.pipe(socket);
      return;
    }
    webSockets.handleUpgrade(request, socket, head, (client) => {
      client.on("message", (data, isBinary) => client.send(data, { binary: isBinary }));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    // A TCP server has an AddressInfo once it listens.
    port: (server.address() as AddressInfo).port,
    requests,
    log(line) {
      for (const follower of followers) follower.write(`${line}\n`);
    },
    endLogs() {
      for (const follower of followers) follower.end();
    },
    async [Symbol.asyncDispose]() {
      for (const client of webSockets.clients) client.terminate();
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
