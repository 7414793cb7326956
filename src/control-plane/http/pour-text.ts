/**
 * Long text to a stream as fast as that takes it, through one buffer that is used again and again: a list of a large
 * cluster passes without leaving a trail of buffers, which would wait in native memory for the garbage collector.
 */
import { finished, type Writable } from "node:stream";

/** Handed over at once: TLS keeps room for the largest write for as long as a connection lasts. */
export const WRITE_BYTES = 64 * 1024;

const encoder = new TextEncoder();

/**
 * Resolves when the stream has ended with all of it; rejects when it closes before, or when `signal` is aborted.
 * `sink` keeps no buffer beyond the callback of its write: connections and compression do not, a PassThrough does.
 */
export async function pourText(pieces: Iterable<string>, sink: Writable, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  const { promise: ended, resolve: onEnd, reject: onFailure } = Promise.withResolvers<void>();
  // Else it would be unhandled while a piece is being made.
  ended.catch(() => undefined);
  let fail: ((error: unknown) => void) | undefined;
  let failure: { readonly error: unknown } | undefined;
  const stop = (error: unknown): void => {
    failure ??= { error };
    fail?.(error);
    onFailure(error);
  };
  const onAbort = (): void => {
    stop(signal?.reason);
    sink.destroy();
  };
  finished(sink, { readable: false }, (error) => (error ? stop(error) : onEnd()));
  signal?.addEventListener("abort", onAbort, { once: true });

  /** The buffer is free again when the stream says that it has written it. */
  function written(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      fail = reject;
      sink.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
  }

  try {
    const buffer = Buffer.allocUnsafeSlow(WRITE_BYTES);
    let used = 0;
    for (const piece of pieces) {
      for (let rest = piece; rest !== ""; ) {
        const { read, written: length } = encoder.encodeInto(rest, buffer.subarray(used));
        used += length;
        rest = rest.slice(read);
        // A character of several bytes may not fit where one byte is free.
        if (rest === "") break;
        if (failure !== undefined) throw failure.error;
        await written(buffer.subarray(0, used));
        used = 0;
      }
    }
    if (failure !== undefined) throw failure.error;
    if (used > 0) await written(buffer.subarray(0, used));
    sink.end();
    await ended;
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}
