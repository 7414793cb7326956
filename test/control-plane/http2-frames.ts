/** HTTP/2 frames as bytes, for clients that do what no library would. Source: RFC 9113 sections 4.1 and 6; RFC 7541. */
import type { Socket } from "node:net";

export const FRAME = {
  data: 0,
  headers: 1,
  rstStream: 3,
  settings: 4,
  push: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const END_STREAM = 1;
export const END_HEADERS = 4;

export interface Frame {
  readonly type: number;
  readonly flags?: number;
  readonly stream?: number;
  readonly payload?: Buffer;
  /** Says something else than the payload's length. */
  readonly length?: number;
}

export function frame({ type, flags = 0, stream = 0, payload = Buffer.alloc(0), length }: Frame): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(length ?? payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

const SETTING = { headerTableSize: 1, enablePush: 2, initialWindowSize: 4, maxFrameSize: 5 } as const;

export function settings(values: Partial<Record<keyof typeof SETTING, number>> = {}): Buffer {
  const parts = Object.entries(values).map(([name, value]) => {
    const part = Buffer.alloc(6);
    // Object.entries loses the type of the names.
    part.writeUInt16BE(SETTING[name as keyof typeof SETTING], 0);
    part.writeUInt32BE(value, 2);
    return part;
  });
  return frame({ type: FRAME.settings, payload: Buffer.concat(parts) });
}

/** What each client says first. */
export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** A literal field without indexing and without Huffman code. */
export function field(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0]), text(name), text(value)]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([prefixedInteger(bytes.length, 7), bytes]);
}

/** RFC 7541 section 5.1. */
function prefixedInteger(value: number, bits: number): Buffer {
  const max = 2 ** bits - 1;
  if (value < max) return Buffer.from([value]);
  const bytes = [max];
  let rest = value - max;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}

export function requestFields(method: string, path: string): Buffer {
  return Buffer.concat([
    field(":method", method),
    field(":scheme", "https"),
    field(":authority", "127.0.0.1"),
    field(":path", path),
  ]);
}

/** A whole request without a body. */
export function get(path: string, stream: number): Buffer {
  const payload = requestFields("GET", path);
  return frame({ type: FRAME.headers, flags: END_STREAM | END_HEADERS, stream, payload });
}

/** The frames that came, until the connection ended. A frame that is not whole does not count. */
export function parseFrames(bytes: Buffer): readonly Required<Omit<Frame, "length">>[] {
  const frames = [];
  for (let at = 0; at + 9 <= bytes.length; ) {
    const end = at + 9 + bytes.readUIntBE(at, 3);
    if (end > bytes.length) break;
    frames.push({
      type: bytes.readUInt8(at + 3),
      flags: bytes.readUInt8(at + 4),
      stream: bytes.readUInt32BE(at + 5),
      payload: bytes.subarray(at + 9, end),
    });
    at = end;
  }
  return frames;
}

/** Collects what comes from now on. */
export function collect(socket: Socket): () => Buffer {
  const pieces: Buffer[] = [];
  socket.on("data", (piece: Buffer) => pieces.push(piece));
  return () => Buffer.concat(pieces);
}

/** Of the last GOAWAY; undefined when there was none. */
export function goawayCode(bytes: Buffer): number | undefined {
  return parseFrames(bytes)
    .findLast(({ type }) => type === FRAME.goaway)
    ?.payload.readUInt32BE(4);
}
