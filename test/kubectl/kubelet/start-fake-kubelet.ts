/**
 * A kubelet without a runtime, for as many nodes as a test wants: mTLS with the cluster's certificates, logs, exec,
 * attach and port-forward over WebSockets and SPDY, as kubelets of Kubernetes 1.30 and later serve them.
 * Source: the kubelet's HTTP API; the requests that kubectl 1.29 to 1.33 sends.
 */
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { createWebSocketStream, type WebSocket, WebSocketServer } from "ws";
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { Cluster } from "#api-client/kubeconfig.ts";
import type { Pki } from "#control-plane/pki/open-pki.ts";
import { type ContainerSession, createSpdySession, webSocketSession } from "./container-session.ts";
import { fateOf } from "./plan-pod-status.ts";
import { attachToContainer, containerLog, execInContainer } from "./serve-container.ts";
import { servePorts } from "./serve-ports.ts";
import { serveSpdy } from "./serve-spdy.ts";
import { type FakeNode, type NodeMarks, startFakeNode } from "./start-fake-node.ts";

export interface FakeKubelet extends AsyncDisposable {
  /** Resolves when the node is registered and sees its pods. */
  addNode(name: string, marks: NodeMarks): Promise<void>;
}

export interface FakeKubeletOptions {
  readonly pki: Pki;
  /** "https://127.0.0.1:6443" */
  readonly server: string;
  onError(error: unknown): void;
}

/** Of a pod whose process ends when whoever is attached goes. */
const INTERACTIVE = "interactive";
const EXEC_WEB_SOCKET = "v5.channel.k8s.io";
const EXEC_SPDY = "v4.channel.k8s.io";
const PORTS_WEB_SOCKET = "SPDY/3.1+portforward.k8s.io";
const PORTS_SPDY = "portforward.k8s.io";

export async function startFakeKubelet({ pki, server, onError }: FakeKubeletOptions): Promise<FakeKubelet> {
  await using stack = new AsyncDisposableStack();
  const nodes: FakeNode[] = [];
  let nextIndex = 0;
  /** "/exec/NAMESPACE/POD/CONTAINER" */
  const place = (request: IncomingMessage) => {
    const { pathname, searchParams } = new URL(request.url ?? "", "https://kubelet");
    const [, what = "", namespace = "", name = "", container = ""] = pathname.split("/");
    const owner = nodes.find((node) => node.find(namespace, name) !== undefined);
    return { what, container, query: searchParams, owner, pod: owner?.find(namespace, name) };
  };
  type Place = ReturnType<typeof place>;
  const followers = new Map<ServerResponse, Pod>();

  const serveLog = ({ container, query, pod }: Place & { readonly pod: Pod }, response: ServerResponse): void => {
    const waiting = pod.status?.containerStatuses?.find(({ name }) => name === container)?.state?.waiting;
    const isPrevious = query.get("previous") === "true";
    const problem =
      waiting !== undefined && fateOf(pod) === "never"
        ? `container "${container}" in pod "${pod.metadata.name}" is waiting to start: trying and failing to pull image`
        : isPrevious && fateOf(pod) !== "crash"
          ? `previous terminated container "${container}" in pod "${pod.metadata.name}" not found`
          : undefined;
    if (problem !== undefined) {
      response.writeHead(400).end(problem);
      return;
    }
    const number = (name: string) => (query.has(name) ? Number(query.get(name)) : undefined);
    const hasTimestamps = query.get("timestamps") === "true";
    const limits = { tailLines: number("tailLines"), limitBytes: number("limitBytes") };
    response.write(containerLog(container, { ...limits, hasTimestamps, isPrevious }));
    if (query.get("follow") === "true" && fateOf(pod) === "run") followers.set(response, pod);
    else response.end();
  };

  const runSession = async (session: ContainerSession, { what, query, pod, owner }: Place): Promise<void> => {
    const name = pod?.metadata.name ?? "";
    if (what === "exec") await execInContainer(session, query.getAll("command"), name);
    else await attachToContainer(session, name);
    const isOver = what === "attach" && pod?.spec.containers[0]?.image.endsWith(`:${INTERACTIVE}`) === true;
    if (isOver) await owner?.complete(pod);
  };

  const background = (work: Promise<void>): void => void work.catch(onError);
  const webSockets = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) => [EXEC_WEB_SOCKET].find((protocol) => offered.has(protocol)) ?? false,
  });
  const upgradeWebSocket = (request: IncomingMessage, socket: Duplex, head: Buffer, at: Place): void => {
    const isPorts = at.what === "portForward";
    // It holds a character that subprotocols cannot have, so `ws` must not see it.
    if (isPorts) delete request.headers["sec-websocket-protocol"];
    const addProtocol = (headers: string[]): void => void headers.push(`Sec-WebSocket-Protocol: ${PORTS_WEB_SOCKET}`);
    if (isPorts) webSockets.once("headers", addProtocol);
    webSockets.handleUpgrade(request, socket, head, (client: WebSocket) => {
      if (isPorts) background(servePorts(createWebSocketStream(client)));
      else background(runSession(webSocketSession(client, at.query.has("input")), at));
    });
  };
  const upgradeSpdy = (socket: Duplex, at: Place): void => {
    const isPorts = at.what === "portForward";
    const protocol = isPorts ? PORTS_SPDY : EXEC_SPDY;
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n` +
        `X-Stream-Protocol-Version: ${protocol}\r\n\r\n`,
    );
    if (isPorts) {
      background(servePorts(socket));
      return;
    }
    const closed = new AbortController();
    socket.on("close", () => closed.abort());
    const { session, add } = createSpdySession(announcedStreams(at.query), closed.signal);
    background(serveSpdy(socket, add));
    background(session.then((opened) => runSession(opened, at)).finally(() => socket.end()));
  };

  const pair = await pki.issueServing({
    commonName: "system:node:fake",
    organizations: ["system:nodes"],
    serverNames: ["127.0.0.1"],
  });
  const https = createServer({
    key: pair.key,
    cert: pair.certificate,
    ca: pki.certificateAuthority,
    requestCert: true,
    rejectUnauthorized: true,
  });
  const sockets = new Set<Socket>();
  https.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  https.on("request", (request, response) => {
    const at = place(request);
    if (at.pod === undefined || at.what !== "containerLogs") response.writeHead(404).end("pod not found");
    else serveLog({ ...at, pod: at.pod }, response);
  });
  https.on("upgrade", (request, socket, head) => {
    socket.on("error", () => undefined); // "close" follows
    const at = place(request);
    if (at.pod === undefined) {
      socket.end("HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 13\r\n\r\npod not found");
    } else if (request.headers.upgrade === "SPDY/3.1") upgradeSpdy(socket, at);
    else upgradeWebSocket(request, socket, head, at);
  });
  https.listen(0, "127.0.0.1");
  await once(https, "listening");
  // A TCP server has an AddressInfo once it listens.
  const { port } = https.address() as AddressInfo;
  stack.defer(async () => {
    const closed = once(https, "close");
    https.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  });

  const open = stack.move();
  return {
    async addNode(name, marks) {
      const index = nextIndex;
      nextIndex += 1;
      const client = await pki.issueClient({ commonName: `system:node:${name}`, organizations: ["system:nodes"] });
      const cluster: Cluster = {
        server,
        ca: pki.certificateAuthority,
        certificate: client.certificate,
        key: client.key,
        tlsServerName: undefined,
        token: undefined,
      };
      const onGone = ({ metadata }: Pod): void => {
        for (const [response, pod] of followers) if (pod.metadata.uid === metadata.uid) response.end();
      };
      const options = { name, ...marks, cluster, kubeletPort: port, index, onError, onGone };
      nodes.push(open.use(await startFakeNode(options)));
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

/** The kubelet's names in the query, the protocol's names of the streams. */
function announcedStreams(query: URLSearchParams): readonly string[] {
  const names = { input: "stdin", output: "stdout", error: "stderr" };
  const announced = Object.entries(names).flatMap(([parameter, name]) => (query.has(parameter) ? [name] : []));
  const hasTerminal = query.has("tty");
  return [
    "error",
    ...announced.filter((name) => !(hasTerminal && name === "stderr")),
    ...(hasTerminal ? ["resize"] : []),
  ];
}
