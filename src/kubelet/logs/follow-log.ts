/**
 * Reads a container's log as a client wants it, and goes on as it grows, across rotations, until the container has
 * ended. Woken by the kernel (inotify on the log's folder) and by the runtime's events, never by a clock.
 */
import { watch } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { createLogFormatter, type LogFormatter } from "./format-log.ts";
import { openLog, openSuccessor } from "./log-files.ts";
import type { LogQuery } from "./log-query.ts";
import { tailOffset } from "./tail-offset.ts";

/** What a follower is told of a container besides its file. */
export interface LogEvents {
  /** `onEvent`: it may have ended, or its log was rotated. */
  subscribe(containerId: string, onEvent: () => void): Disposable;
}

export interface LogSource {
  readonly path: string;
  readonly containerId: string;
  readonly events: LogEvents;
  /** Whether it may still write. */
  isRunning(signal: AbortSignal): Promise<boolean>;
  /** Its log is being rotated: the file that was renamed may still be written. */
  isRotating(): boolean;
}

const BLOCK_BYTES = 64 * 1024;

export async function* followLog(source: LogSource, query: LogQuery, signal: AbortSignal): AsyncGenerator<Buffer> {
  const { path, isRunning, isRotating } = source;
  // Before the first look, so that nothing falls between.
  using changes = query.isFollowing ? watchLog(source) : undefined;
  let file = await openLog(path);
  if (file === undefined) return;
  try {
    const format = createLogFormatter(query);
    let position = query.tailLines === undefined ? 0 : await tailOffset(file, query.tailLines);
    for (;;) {
      // Asked before reading: what it wrote last is in the file by then.
      const isLast = changes === undefined || !(await isRunning(signal));
      const at = { position };
      yield* readOn(file, format, at);
      ({ position } = at);
      if (format.isFull() || signal.aborted) return;
      if (changes === undefined) return;
      const next = await openSuccessor(file, path);
      // While its log is being rotated, the container may still write to the old file; an event tells when that is over.
      if (next !== undefined && !isRotating()) {
        yield* readOn(file, format, at);
        await file.close();
        file = next;
        position = 0;
        format.reset();
        continue;
      }
      await next?.close();
      if (isLast && next === undefined) return;
      await changes.next(signal);
      if (signal.aborted) return;
    }
  } finally {
    await file.close();
  }
}

async function* readOn(file: FileHandle, format: LogFormatter, at: { position: number }): AsyncGenerator<Buffer> {
  for (;;) {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(BLOCK_BYTES), 0, BLOCK_BYTES, at.position);
    if (bytesRead === 0) return;
    at.position += bytesRead;
    const text = format.take(buffer.subarray(0, bytesRead));
    if (text.length > 0) yield text;
    if (format.isFull()) return;
  }
}

interface Changes extends Disposable {
  /** Resolves at the next change, which may have been already. */
  next(signal: AbortSignal): Promise<void>;
}

function watchLog({ path, containerId, events }: LogSource): Changes {
  let hasChanged = false;
  let tell: () => void = () => undefined;
  const change = (): void => {
    hasChanged = true;
    tell();
  };
  const watcher = watch(dirname(path), change);
  watcher.on("error", change); // the folder may be removed with its pod
  const subscription = events.subscribe(containerId, change);
  return {
    async next(signal) {
      if (!hasChanged && !signal.aborted) {
        const { promise, resolve } = Promise.withResolvers<void>();
        tell = resolve;
        signal.addEventListener("abort", tell, { once: true });
        await promise;
        signal.removeEventListener("abort", tell);
      }
      hasChanged = false;
    },
    [Symbol.dispose]() {
      watcher.close();
      subscription[Symbol.dispose]();
    },
  };
}
