/**
 * Frames of SPDY/3.1, as container runtimes and kubectl exchange them. A frame is eight bytes and a payload; all header
 * blocks of one direction are one compressed stream. Source: SPDY Protocol, draft 3.1, section 2.
 */

export const SYN_STREAM = 1;
export const SYN_REPLY = 2;
export const RST_STREAM = 3;
export const PING = 6;

export const FLAG_FIN = 1;
const CONTROL = 0x8003;
const HEAD_BYTES = 8;
const MAX_ID = 0x7fffffff;
/** Nobody sends as much at once; without a limit a broken peer takes our memory. */
export const MAX_FRAME_BYTES = 1024 * 1024;

export interface SpdyFrame {
  /** undefined: data. */
  readonly type: number | undefined;
  /** Of a ping: its number. */
  readonly id: number;
  readonly flags: number;
  /** Of a control frame: what follows its id. */
  readonly payload: Buffer;
}

/** Frames as their bytes come in, in pieces of any size. Throws RangeError on what is too long. */
export function createFrameReader(): (chunk: Buffer) => readonly SpdyFrame[] {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const frames: SpdyFrame[] = [];
    let offset = 0;
    while (rest.length - offset >= HEAD_BYTES) {
      const length = rest.readUIntBE(offset + 5, 3);
      if (length > MAX_FRAME_BYTES) throw new RangeError(`SPDY frame of ${length} bytes`);
      const end = offset + HEAD_BYTES + length;
      if (rest.length < end) break;
      frames.push(parseFrame(rest.subarray(offset, end)));
      offset = end;
    }
    rest = rest.subarray(offset);
    return frames;
  };
}

function parseFrame(bytes: Buffer): SpdyFrame {
  const payload = bytes.subarray(HEAD_BYTES);
  const flags = bytes.readUInt8(4);
  const isControl = (bytes.readUInt8(0) & 0x80) !== 0;
  if (!isControl) return { type: undefined, id: bytes.readUInt32BE(0) & MAX_ID, flags, payload };
  const hasId = payload.length >= 4;
  return {
    type: bytes.readUInt16BE(2),
    id: hasId ? payload.readUInt32BE(0) & MAX_ID : 0,
    flags,
    payload: hasId ? payload.subarray(4) : payload,
  };
}

export function formatFrame({ type, id, flags, payload }: SpdyFrame): Buffer {
  const idBytes = type === undefined ? 0 : 4;
  const frame = Buffer.alloc(HEAD_BYTES + idBytes + payload.length);
  if (type === undefined) frame.writeUInt32BE(id, 0);
  else {
    frame.writeUInt16BE(CONTROL, 0);
    frame.writeUInt16BE(type, 2);
    frame.writeUInt32BE(id, HEAD_BYTES);
  }
  frame.writeUInt8(flags, 4);
  frame.writeUIntBE(idBytes + payload.length, 5, 3);
  payload.copy(frame, HEAD_BYTES + idBytes);
  return frame;
}

/** Before compression. Names must be in lower case. */
export function formatHeaders(headers: Readonly<Record<string, string>>): Buffer {
  const entries = Object.entries(headers);
  const parts = [number(entries.length)];
  for (const word of entries.flat()) {
    const bytes = Buffer.from(word);
    parts.push(number(bytes.length), bytes);
  }
  return Buffer.concat(parts);
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
