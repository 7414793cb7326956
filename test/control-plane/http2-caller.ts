/** Requests over one HTTP/2 connection: one that is given up takes only its stream along. */
import { type ClientHttp2Session, connect, constants } from "node:http2";
import type { KeyPair } from "#control-plane/pki/sign-certificate.ts";

export interface Http2CallerOptions {
  readonly port: number;
  readonly authority: string;
  readonly pair: KeyPair | undefined;
}

export interface Http2Request {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
  /** Gives the request up: without waiting, or when the answer begins. */
  readonly leaves: "early" | "at head" | undefined;
}

export interface Http2Caller extends Disposable {
  readonly session: ClientHttp2Session;
  /** `status` 0: given up before there was one. Rejects when the server breaks the stream. */
  send(request: Http2Request): Promise<{ readonly status: number; readonly text: string }>;
}

export function createHttp2Caller({ port, authority, pair }: Http2CallerOptions): Http2Caller {
  const session = connect(`https://127.0.0.1:${port}`, {
    ca: authority,
    ...(pair !== undefined && { cert: pair.certificate, key: pair.key }),
  });
  // Told by the requests that are under way.
  session.on("error", () => undefined);
  return {
    session,
    send({ method, path, headers, body, leaves }) {
      const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>();
      const stream = session.request(
        { ":method": method, ":path": path, ...headers },
        { endStream: body === undefined },
      );
      // Without this code Node may never tell the server, which then waits for a reader.
      const giveUp = (): void => stream.close(constants.NGHTTP2_CANCEL);
      let status = 0;
      let text = "";
      stream.setEncoding("utf8");
      stream.on("response", (answer) => {
        status = Number(answer[":status"]);
        if (leaves === "at head") giveUp();
      });
      stream.on("data", (piece: string) => {
        text += piece;
      });
      // A server that answers before it has the whole body resets the stream then: Node does not tell of its close.
      stream.on("end", () => {
        if (status !== 0) resolve({ status, text });
        stream.close();
      });
      stream.on("error", reject);
      stream.on("close", () => {
        if (status === 0 && leaves !== "early") reject(new Error(`the stream ended with ${stream.rstCode}`));
        else resolve({ status, text });
      });
      if (body !== undefined) stream.end(body);
      if (leaves === "early") setImmediate(giveUp);
      return promise;
    },
    [Symbol.dispose]: () => session.destroy(),
  };
}
