/**
 * From a watch's events to a connection: one write per turn of the event loop, and never more unsent events than a
 * bound. What waits is kept as events, which all watchers share; bytes are made when the connection takes them.
 * A watcher that does not keep up is cut with 410 and has to start again from a list.
 */
import { ApiError } from "#api/api-error.ts";
import type { WatchEvent } from "../../resources/resource-api.ts";
import { type EventEncoder, errorLine } from "./event-text.ts";

/** A response's body. */
export interface ByteStream {
  /** False: the reader is behind; `onDrain` tells when it has caught up. */
  write(bytes: Buffer): boolean;
  /** Ends after what has been written. */
  end(bytes?: Buffer): void;
}

export interface WatchWriterOptions {
  readonly stream: ByteStream;
  readonly encoder: EventEncoder;
  /** For the first event, when that looks different. */
  readonly firstEncoder: EventEncoder;
  /** Called once, when nothing more is to come: cut, failed or ended. */
  onOver(): void;
}

export interface WatchWriter {
  /** False: the watch is over. */
  onEvent(event: WatchEvent): boolean;
  onError(error: ApiError): void;
  onDrain(): void;
  /** Sends what waits, then ends. */
  end(): void;
}

/** Unsent events of a reader that is behind, beyond those that came at once (the initial ones). */
export const MAX_UNSENT_EVENTS = 1000;
export const MAX_UNSENT_BYTES = 1024 * 1024;
/** Bytes handed to the connection at once. */
const CHUNK_BYTES = 128 * 1024;

export function createWatchWriter(options: WatchWriterOptions): WatchWriter {
  const { stream, encoder, firstEncoder, onOver } = options;
  let queue: WatchEvent[] = [];
  /** Events of `queue` that are written already. */
  let written = 0;
  /** Came while the reader was behind; follows `queue`. */
  let late: WatchEvent[] = [];
  let lateBytes = 0;
  let isFirst = true;
  let isBehind = false;
  let isFlushPlanned = false;
  let state: "open" | "ending" | "over" = "open";

  function planFlush(): void {
    if (isFlushPlanned) return;
    isFlushPlanned = true;
    setImmediate(() => {
      isFlushPlanned = false;
      flush();
    });
  }
  function flush(): void {
    while (!isBehind && state !== "over") {
      const chunk = takeChunk();
      if (chunk === undefined) break;
      isBehind = !stream.write(chunk);
    }
    if (state === "ending" && written === queue.length && late.length === 0) finish();
  }
  function takeChunk(): Buffer | undefined {
    if (written === queue.length) {
      queue = late;
      late = [];
      lateBytes = 0;
      written = 0;
    }
    const parts: Buffer[] = [];
    let length = 0;
    while (length < CHUNK_BYTES) {
      const event = queue[written];
      if (event === undefined) break;
      const bytes = (isFirst ? firstEncoder : encoder).encode(event);
      written++;
      isFirst = false;
      length += bytes.length;
      parts.push(bytes);
    }
    return parts.length === 0 ? undefined : joined(parts, length);
  }
  function finish(last?: Buffer): void {
    state = "over";
    queue = [];
    late = [];
    written = 0;
    stream.end(last);
    onOver();
  }
  return {
    onEvent(event) {
      if (state !== "open") return false;
      if (!isBehind) {
        queue.push(event);
        planFlush();
        return true;
      }
      late.push(event);
      lateBytes += encoder.encode(event).length;
      if (late.length <= MAX_UNSENT_EVENTS && lateBytes <= MAX_UNSENT_BYTES) return true;
      finish(errorLine(tooSlowError()));
      return false;
    },
    onError(error) {
      if (state !== "open") return;
      // What came before the error still counts.
      flush();
      finish(errorLine(error));
    },
    onDrain() {
      isBehind = false;
      flush();
    },
    end() {
      if (state !== "open") return;
      state = "ending";
      flush();
    },
  };
}

function tooSlowError(): ApiError {
  return new ApiError({
    code: 410,
    reason: "Expired",
    message: "The resourceVersion for the provided watch is too old: the watcher did not keep up",
  });
}

/** The last bytes that were put together: other watchers mostly need the same. */
let last: { readonly parts: readonly Buffer[]; readonly bytes: Buffer } = { parts: [], bytes: Buffer.alloc(0) };

function joined(parts: readonly Buffer[], length: number): Buffer {
  const [first] = parts;
  if (parts.length === 1 && first !== undefined) return first;
  const isSame = parts.length === last.parts.length && parts.every((part, index) => part === last.parts[index]);
  if (!isSame) last = { parts, bytes: Buffer.concat(parts, length) };
  return last.bytes;
}
