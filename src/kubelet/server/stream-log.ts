/** Reads a container's log file as a client wants it, and goes on as it grows until the container has ended. */
import { watch } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { parseLogLine } from "./log-line.ts";
import type { LogQuery } from "./log-query.ts";

export interface LogSource {
  readonly path: string;
  /** Whether it may still write. Only then is more waited for. */
  isRunning(signal: AbortSignal): Promise<boolean>;
}

const BLOCK_BYTES = 64 * 1024;
const NEWLINE = 10;
/** The runtime may tell an end later than the last line was written. */
const RECHECK_MS = 1_000;

export async function* streamLog({ path, isRunning }: LogSource, query: LogQuery, signal: AbortSignal) {
  await using file = await open(path, "r");
  const format = createFormatter(query);
  let position = query.tailLines === undefined ? 0 : await tailOffset(file, query.tailLines);
  let rest = "";
  const decoder = new TextDecoder();
  using changes = query.isFollowing ? watchFile(path) : undefined;
  for (;;) {
    // Asked before reading: what it wrote last is in the file by then.
    const isLast = changes === undefined || !(await isRunning(signal));
    for (;;) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(BLOCK_BYTES), 0, BLOCK_BYTES, position);
      if (bytesRead === 0) break;
      position += bytesRead;
      const lines = (rest + decoder.decode(buffer.subarray(0, bytesRead), { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      const text = lines.map(format.line).join("");
      if (text !== "") yield text;
      if (format.isFull()) return;
    }
    if (isLast) return;
    await changes?.next(signal);
    if (signal.aborted) return;
  }
}

function createFormatter({ hasTimes, sinceMs, limitBytes }: LogQuery) {
  let left = limitBytes ?? Number.POSITIVE_INFINITY;
  return {
    isFull: () => left <= 0,
    line: (line: string): string => {
      const parsed = parseLogLine(line);
      if (parsed === undefined || left <= 0) return "";
      if (sinceMs !== undefined && Date.parse(parsed.time) < sinceMs) return "";
      const text = hasTimes ? `${parsed.time} ${parsed.text}` : parsed.text;
      const bytes = Buffer.from(text);
      const shown = bytes.length <= left ? text : bytes.subarray(0, left).toString("utf8");
      left -= bytes.length;
      return shown;
    },
  };
}

/** Where the last lines begin. */
async function tailOffset(file: FileHandle, lines: number): Promise<number> {
  const { size } = await file.stat();
  let found = 0;
  let end = size;
  while (end > 0) {
    const start = Math.max(0, end - BLOCK_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(end - start), 0, end - start, start);
    for (let index = bytesRead - 1; index >= 0; index -= 1) {
      if (buffer[index] !== NEWLINE) continue;
      // The one behind the last line ends it, and begins none.
      if (found === lines) return start + index + 1;
      found += 1;
    }
    end = start;
  }
  return lines === 0 ? size : 0;
}

interface Changes extends Disposable {
  /** Resolves at the next change, which may have been already, or after a while. */
  next(signal: AbortSignal): Promise<void>;
}

function watchFile(path: string): Changes {
  let hasChanged = false;
  let tell: () => void = () => undefined;
  const watcher = watch(path, () => {
    hasChanged = true;
    tell();
  });
  watcher.on("error", () => undefined); // the file may be removed with its pod
  return {
    async next(signal) {
      if (!hasChanged && !signal.aborted) {
        const { promise, resolve } = Promise.withResolvers<void>();
        tell = resolve;
        const timer = setTimeout(resolve, RECHECK_MS);
        signal.addEventListener("abort", () => resolve(), { once: true });
        await promise;
        clearTimeout(timer);
      }
      hasChanged = false;
    },
    [Symbol.dispose]: () => watcher.close(),
  };
}
