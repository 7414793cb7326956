/**
 * exec and attach over a WebSocket with v5.channel.k8s.io, which runtimes do not speak: each message is a channel's
 * number and its bytes, 255 and a number closes a channel. Every channel is a SPDY stream at the runtime.
 * Source: Kubernetes documentation of pods/exec; KEP-4006 "Transition from SPDY to WebSockets".
 */
import { once } from "node:events";
import { type Duplex, Writable } from "node:stream";
import { finished, pipeline } from "node:stream/promises";
import type { WebSocket } from "ws";
import { openSpdy, type SpdyConnection } from "../spdy/open-spdy.ts";
import type { RuntimeStream } from "./ask-runtime.ts";

export const CHANNELS_V5 = "v5.channel.k8s.io";
export const STREAMS_V4 = "v4.channel.k8s.io";

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const STATUS = 3;
const RESIZE = 4;
const CLOSE = 255;

const NORMAL_CLOSURE = 1000;
const INTERNAL_ERROR = 1011;

export interface ChannelFlags {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

/** Resolves when the connection is over. The client is paused yet. */
export async function serveChannels(client: WebSocket, runtime: RuntimeStream, wanted: ChannelFlags): Promise<void> {
  client.on("close", () => runtime.socket.destroy());
  const spdy = openSpdy(runtime.socket, runtime.first);
  const inputs = new Map<number, Duplex>();
  takeInput(client, inputs);
  const status = await openStream(spdy, "error");
  const outputs: (readonly [number, Duplex])[] = [];
  if (wanted.stdin) inputs.set(STDIN, await openStream(spdy, "stdin"));
  if (wanted.stdout) outputs.push([STDOUT, await openStream(spdy, "stdout")]);
  if (wanted.stderr) outputs.push([STDERR, await openStream(spdy, "stderr")]);
  if (wanted.tty) inputs.set(RESIZE, await openStream(spdy, "resize"));
  client.resume();
  // Nothing comes back on them.
  for (const input of inputs.values()) input.resume();
  let hasStatus = false;
  status.once("data", () => {
    hasStatus = true;
  });
  const all = [[STATUS, status] as const, ...outputs].map(([channel, stream]) =>
    pipeline(stream, channelWriter(client, channel), { end: true }).catch(() => undefined),
  );
  await Promise.all(all);
  // Without its last words nobody knows how it ended.
  client.close(hasStatus ? NORMAL_CLOSURE : INTERNAL_ERROR, hasStatus ? "" : "the container runtime went away");
  await spdy.closed;
}

function openStream(spdy: SpdyConnection, name: string): Promise<Duplex> {
  return spdy.open({ streamtype: name });
}

function channelWriter(client: WebSocket, channel: number): Writable {
  return new Writable({
    // Done when it has left, so that a slow client slows the container down.
    write: (bytes: Buffer, _encoding, done) =>
      client.send(Buffer.concat([Buffer.of(channel), bytes]), { binary: true }, (error) => done(error)),
  });
}

/** The client waits while the container does not read. */
function takeInput(client: WebSocket, inputs: ReadonlyMap<number, Duplex>): void {
  client.on("message", (data: Buffer) => {
    const [channel = CLOSE, closed = CLOSE] = data;
    if (channel === CLOSE) {
      inputs.get(closed)?.end();
      return;
    }
    const input = inputs.get(channel);
    if (input === undefined || input.writableEnded || input.destroyed || data.length === 1) return;
    if (input.write(data.subarray(1))) return;
    client.pause();
    void Promise.race([once(input, "drain"), finished(input)])
      .catch(() => undefined)
      .then(() => client.resume());
  });
}
