/**
 * The client's side of SPDY/3.1 on a connection that has switched to it: opens streams, reads and writes them. Who does
 * not read a stream holds the connection up; there is no other flow control, as on the other side.
 * Source: SPDY Protocol, draft 3.1, section 2.
 */
import { Duplex } from "node:stream";
import { constants, createDeflate } from "node:zlib";
import { SPDY_DICTIONARY } from "./spdy-dictionary.ts";
import {
  createFrameReader,
  FLAG_FIN,
  formatFrame,
  formatHeaders,
  PING,
  RST_STREAM,
  type SpdyFrame,
  SYN_STREAM,
} from "./spdy-frames.ts";

export interface SpdyConnection {
  /** `end` of the stream half-closes it. */
  open(headers: Readonly<Record<string, string>>): Promise<Duplex>;
  /** Resolves when the connection is over; its streams have ended then. */
  readonly closed: Promise<void>;
}

/** No stream that it is about, priority 0, slot 0. */
const SYN_REST = Buffer.alloc(6);

interface Stream {
  readonly duplex: Duplex;
  /** Called when its reader wants more. */
  wanted: (() => void) | undefined;
}

/** `first`: bytes that came with the answer to the upgrade. */
export function openSpdy(connection: Duplex, first: Buffer): SpdyConnection {
  const streams = new Map<number, Stream>();
  const compress = createHeaderWriter();
  let nextId = 1;

  const send = (frame: SpdyFrame, done?: (error?: Error | null) => void): void => {
    if (connection.writable) connection.write(formatFrame(frame), done);
    else done?.();
  };

  async function open(headers: Readonly<Record<string, string>>): Promise<Duplex> {
    const id = nextId;
    nextId += 2;
    const block = await compress(formatHeaders(headers));
    const stream: Stream = {
      wanted: undefined,
      duplex: new Duplex({
        read() {
          stream.wanted?.();
          stream.wanted = undefined;
        },
        write: (payload: Buffer, _encoding, done) => send({ type: undefined, id, flags: 0, payload }, done),
        final: (done) => send({ type: undefined, id, flags: FLAG_FIN, payload: Buffer.alloc(0) }, done),
        destroy(error, done) {
          stream.wanted?.();
          streams.delete(id);
          done(error);
        },
      }),
    };
    stream.duplex.on("error", () => undefined); // who goes away is no error here
    streams.set(id, stream);
    send({ type: SYN_STREAM, id, flags: 0, payload: Buffer.concat([SYN_REST, block]) });
    return stream.duplex;
  }

  async function take(frame: SpdyFrame): Promise<void> {
    const stream = streams.get(frame.id);
    if (frame.type === PING) {
      send(frame);
      return;
    }
    if (stream === undefined) return;
    const { duplex } = stream;
    if (frame.type === undefined) {
      if (frame.payload.length > 0 && !duplex.push(frame.payload)) {
        await new Promise<void>((resolve) => {
          stream.wanted = resolve;
        });
      }
      if ((frame.flags & FLAG_FIN) !== 0) duplex.push(null);
    } else if (frame.type === RST_STREAM) {
      // What came before it counts: runtimes end their streams so.
      streams.delete(frame.id);
      duplex.push(null);
      duplex.end();
    }
  }

  async function run(): Promise<void> {
    const read = createFrameReader();
    try {
      for (const frame of read(first)) await take(frame);
      for await (const chunk of connection) for (const frame of read(chunk)) await take(frame);
    } catch {
      // A connection that broke ends its streams; whether that was too early, their readers know.
    } finally {
      for (const { duplex } of streams.values()) {
        duplex.push(null);
        duplex.end();
      }
      streams.clear();
      connection.destroy();
    }
  }

  return { open, closed: run() };
}

/** Gives each block such that the other side can read it at once. */
function createHeaderWriter(): (block: Buffer) => Promise<Buffer> {
  const deflate = createDeflate({ dictionary: SPDY_DICTIONARY, flush: constants.Z_SYNC_FLUSH });
  return async (block) => {
    await new Promise<void>((resolve, reject) => {
      deflate.once("error", reject);
      deflate.write(block, () => {
        deflate.off("error", reject);
        resolve();
      });
    });
    // Bytes, as no encoding is set.
    return (deflate.read() as Buffer | null) ?? Buffer.alloc(0);
  };
}
