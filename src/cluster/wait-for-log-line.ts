/** Waits until a program that we started has written a line: read at once, and again whenever the file changes. */
import { closeSync, fstatSync, openSync, readSync, watch } from "node:fs";

export interface LogLine {
  readonly path: string;
  /** Bytes that were there before the program. */
  readonly offset: number;
  readonly pattern: RegExp;
}

/** The file must be there. Rejects with the signal's reason. */
export function waitForLogLine({ path, offset, pattern }: LogLine, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const fd = openSync(path, "r");
    const watcher = watch(path);
    let position = offset;
    let text = "";
    const finish = (error?: unknown): void => {
      watcher.close();
      closeSync(fd);
      signal.removeEventListener("abort", abort);
      if (error === undefined) resolve();
      else reject(error);
    };
    const abort = (): void => finish(signal.reason);
    const look = (): void => {
      const buffer = Buffer.alloc(Math.max(0, fstatSync(fd).size - position));
      const length = readSync(fd, buffer, 0, buffer.length, position);
      position += length;
      text += buffer.toString("utf8", 0, length);
      if (pattern.test(text)) finish();
    };
    watcher.on("change", look);
    watcher.on("error", finish);
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    else look();
  });
}
