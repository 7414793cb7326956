/**
 * Exec and attach, however they arrive: streams of a process, a status at its end. The one protocol sends channels in
 * WebSocket messages (v5.channel.k8s.io), the other one as SPDY streams (v4.channel.k8s.io).
 * Source: Kubernetes documentation of pods/exec; the messages that kubectl exchanges with a kubelet.
 */
import { PassThrough, type Readable, Writable } from "node:stream";
import type { WebSocket } from "ws";
import type { SpdyStream } from "./serve-spdy.ts";

export interface ContainerSession {
  /** Ends at once where the client sends none. */
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Tells how it ended and closes. */
  end(exitCode: number): Promise<void>;
  readonly closed: AbortSignal;
}

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const STATUS = 3;
const CLOSE = 255;

export function webSocketSession(client: WebSocket, hasStdin: boolean): ContainerSession {
  const stdin = new PassThrough();
  if (!hasStdin) stdin.end();
  const closed = new AbortController();
  client.on("message", (data: Buffer) => {
    const [channel, argument] = data;
    if (channel === STDIN) stdin.write(data.subarray(1));
    if (channel === CLOSE && argument === STDIN) stdin.end();
  });
  client.on("close", () => {
    closed.abort();
    stdin.end();
  });
  client.on("error", () => undefined); // "close" follows
  const channel = (number: number): Writable =>
    new Writable({
      write: (chunk: Buffer, _encoding, done) => client.send(Buffer.concat([Buffer.of(number), chunk]), () => done()),
    });
  return {
    stdin,
    stdout: channel(STDOUT),
    stderr: channel(STDERR),
    closed: closed.signal,
    async end(exitCode) {
      await endAll([channel(STATUS)], statusText(exitCode));
      client.close(1000);
    },
  };
}

/** Resolves when all streams that the request's query announces are there. */
export function createSpdySession(wanted: readonly string[], closed: AbortSignal) {
  const streams = new Map<string, SpdyStream["duplex"]>();
  const { promise, resolve } = Promise.withResolvers<ContainerSession>();
  return {
    session: promise,
    add({ headers, duplex }: SpdyStream): void {
      streams.set(headers.get("streamtype") ?? "", duplex);
      if (!wanted.every((type) => streams.has(type))) return;
      const out = (type: string): Writable => streams.get(type) ?? new PassThrough().resume();
      resolve({
        stdin: streams.get("stdin") ?? new PassThrough().end(),
        stdout: out("stdout"),
        stderr: out("stderr"),
        closed,
        async end(exitCode) {
          await endAll([out("error")], statusText(exitCode));
          await endAll([out("stdout"), out("stderr"), out("resize"), out("stdin")]);
        },
      });
    },
  };
}

function statusText(exitCode: number): string {
  return JSON.stringify(
    exitCode === 0
      ? { metadata: {}, status: "Success" }
      : {
          metadata: {},
          status: "Failure",
          message: `command terminated with non-zero exit code: exit status ${exitCode}`,
          reason: "NonZeroExitCode",
          details: { causes: [{ reason: "ExitCode", message: String(exitCode) }] },
        },
  );
}

async function endAll(streams: readonly Writable[], lastWords?: string): Promise<void> {
  await Promise.all(
    streams.map((stream) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      stream.on("close", resolve);
      if (lastWords === undefined) stream.end(resolve);
      else stream.end(lastWords, resolve);
      return promise;
    }),
  );
}
