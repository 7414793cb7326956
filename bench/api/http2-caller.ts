/**
 * HTTP/2: one connection for all requests, and one for each watch: a thousand watchers of one kind are a thousand
 * clients. On one connection their events would share a record and a system call, and look too cheap.
 */
import { type ClientHttp2Session, connect } from "node:http2";
import type { Cluster } from "#api-client/kubeconfig.ts";
import { type HttpCaller, type HttpRequest, refused, type Stream } from "./http-caller.ts";

/** What Go's client announces, in bytes: for a stream and for a connection. Source: golang.org/x/net/http2, transport.go. */
const STREAM_WINDOW = 4 * 1024 * 1024;
const CONNECTION_WINDOW = 2 ** 30;

export function createHttp2Caller({ server, ca, certificate, key }: Cluster): HttpCaller {
  const sessions: ClientHttp2Session[] = [];
  let requests: ClientHttp2Session | undefined;

  function newSession(): ClientHttp2Session {
    const settings = { initialWindowSize: STREAM_WINDOW, enablePush: false };
    const session = connect(server, { ca, cert: certificate, key, settings });
    session.once("connect", () => session.setLocalWindowSize(CONNECTION_WINDOW));
    // Whoever waits for an answer on it is told.
    session.on("error", () => undefined);
    sessions.push(session);
    return session;
  }

  /** Listens at once: a short answer may have come whole before anybody who waits for its head goes on. */
  function ask(session: ClientHttp2Session, { method, path, body }: HttpRequest, stream: Stream): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const asked = session.request(
      {
        ":method": method,
        ":path": path,
        accept: "application/json",
        ...(body !== undefined && { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
      },
      { endStream: body === undefined },
    );
    asked.once("response", (headers) => resolve(headers[":status"] ?? 0));
    asked.on("data", stream.onBytes);
    asked.once("end", () => stream.onEnd());
    asked.on("error", (error: Error) => {
      reject(error);
      stream.onEnd(error);
    });
    if (body !== undefined) asked.end(body);
    return promise;
  }

  async function send(session: ClientHttp2Session, request: HttpRequest): Promise<string> {
    const chunks: Buffer[] = [];
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onEnd = (error?: Error): void => (error === undefined ? resolve() : reject(error));
    const [status] = await Promise.all([
      ask(session, request, { onBytes: (bytes) => void chunks.push(bytes), onEnd }),
      promise,
    ]);
    const text = Buffer.concat(chunks).toString();
    if (status >= 300) throw refused(request, status, text);
    return text;
  }

  return {
    async send(request) {
      requests ??= newSession();
      return await send(requests, request);
    },
    async open(path, stream) {
      const status = await ask(newSession(), { method: "GET", path }, stream);
      if (status >= 300) throw refused({ method: "GET", path }, status, "");
    },
    [Symbol.dispose]() {
      for (const session of sessions) session.destroy();
    },
  };
}
