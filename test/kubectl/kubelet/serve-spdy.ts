/**
 * The server side of SPDY/3.1 as far as kubectl speaks it: streams that the client opens, data both ways, pings.
 * Flow control is left out, as its other side does. Source: SPDY Protocol, draft 3.1, section 2.
 */
import { Duplex } from "node:stream";
import { createInflate } from "node:zlib";
import { SPDY_DICTIONARY } from "#kubelet/server/spdy/spdy-dictionary.ts";

export interface SpdyStream {
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly duplex: Duplex;
}

const SYN_STREAM = 1;
const SYN_REPLY = 2;
const RST_STREAM = 3;
const PING = 6;

const FLAG_FIN = 1;
const CONTROL = 0x8003;
const HEAD_BYTES = 8;
const MAX_FRAME_BYTES = 1024 * 1024;

/** A zlib stream of blocks that are stored as they are needs no compression; its head comes once. */
const ZLIB_HEAD = Buffer.from([0x78, 0x01]);
/** A zero, that is: no headers; then an empty block, which makes the other side take out what it has. */
const STORED_ZERO_HEADERS = Buffer.from("000400fbff00000000" + "000000ffff", "hex");

interface Frame {
  /** undefined: data. */
  readonly type: number | undefined;
  readonly streamId: number;
  readonly flags: number;
  readonly payload: Buffer;
}

/** Resolves when the connection has ended; its streams have ended then. */
export async function serveSpdy(connection: Duplex, onStream: (stream: SpdyStream) => void): Promise<void> {
  const streams = new Map<number, Duplex>();
  const readHeaders = createHeaderReader();
  let isFirstReply = true;
  const send = (head: Buffer, payload: Buffer, done?: (error?: Error | null) => void): void => {
    if (connection.writable) connection.write(Buffer.concat([head, payload]), done);
    else done?.();
  };
  const open = (id: number): Duplex => {
    const duplex = new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _encoding, done) => send(dataHead(id, 0, chunk.length), chunk, done),
      final: (done) => send(dataHead(id, FLAG_FIN, 0), Buffer.alloc(0), done),
    });
    duplex.on("error", () => undefined); // a client that goes away is no error here
    duplex.on("close", () => streams.delete(id));
    streams.set(id, duplex);
    return duplex;
  };
  const accept = async ({ streamId, flags, payload }: Frame): Promise<void> => {
    const headers = await readHeaders(payload.subarray(10));
    const duplex = open(streamId);
    const block = isFirstReply ? Buffer.concat([ZLIB_HEAD, STORED_ZERO_HEADERS]) : STORED_ZERO_HEADERS;
    isFirstReply = false;
    const id = Buffer.alloc(4);
    id.writeUInt32BE(streamId);
    send(controlHead(SYN_REPLY, id.length + block.length), Buffer.concat([id, block]));
    onStream({ headers, duplex });
    if ((flags & FLAG_FIN) !== 0) duplex.push(null);
  };
  try {
    for await (const frame of readFrames(connection)) {
      switch (frame.type) {
        case undefined: {
          const stream = streams.get(frame.streamId);
          if (frame.payload.length > 0) stream?.push(frame.payload);
          if ((frame.flags & FLAG_FIN) !== 0) stream?.push(null);
          break;
        }
        case SYN_STREAM:
          await accept(frame);
          break;
        case RST_STREAM:
          streams.get(frame.streamId)?.destroy();
          break;
        case PING:
          send(controlHead(PING, frame.payload.length), frame.payload);
          break;
        default: // settings, window updates, going away
      }
    }
  } finally {
    for (const stream of streams.values()) stream.destroy();
  }
}

async function* readFrames(connection: Duplex): AsyncGenerator<Frame> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of connection) {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= HEAD_BYTES) {
      const length = rest.readUIntBE(5, 3);
      if (length > MAX_FRAME_BYTES) throw new RangeError(`SPDY frame of ${length} bytes`);
      if (rest.length < HEAD_BYTES + length) break;
      const isControl = (rest.readUInt8(0) & 0x80) !== 0;
      const payload = rest.subarray(HEAD_BYTES, HEAD_BYTES + length);
      const id = isControl && payload.length >= 4 ? payload.readUInt32BE(0) : rest.readUInt32BE(0);
      yield {
        type: isControl ? rest.readUInt16BE(2) : undefined,
        streamId: id & 0x7fffffff,
        flags: rest.readUInt8(4),
        payload,
      };
      rest = rest.subarray(HEAD_BYTES + length);
    }
  }
}

/** All header blocks of a connection are one compressed stream. */
function createHeaderReader(): (block: Buffer) => Promise<ReadonlyMap<string, string>> {
  const inflate = createInflate({ dictionary: SPDY_DICTIONARY });
  return async (block) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    inflate.write(block, (error) => (error ? reject(error) : resolve()));
    await promise;
    return parseHeaders(inflate.read() ?? Buffer.alloc(4));
  };
}

function parseHeaders(bytes: Buffer): ReadonlyMap<string, string> {
  let offset = 0;
  const number = (): number => {
    offset += 4;
    return bytes.readUInt32BE(offset - 4);
  };
  const word = (): string => {
    const length = number();
    offset += length;
    return bytes.toString("utf8", offset - length, offset);
  };
  const headers = new Map<string, string>();
  for (let left = number(); left > 0; left -= 1) {
    const name = word().toLowerCase();
    headers.set(name, word());
  }
  return headers;
}

function controlHead(type: number, length: number): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt16BE(CONTROL, 0);
  head.writeUInt16BE(type, 2);
  head.writeUIntBE(length, 5, 3);
  return head;
}

function dataHead(streamId: number, flags: number, length: number): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32BE(streamId, 0);
  head.writeUInt8(flags, 4);
  head.writeUIntBE(length, 5, 3);
  return head;
}
