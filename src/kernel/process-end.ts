/** The end of a process that need not be our child: a descriptor of it becomes readable. Source: pidfd_open(2). */
import { closeSync } from "node:fs";
import { isErrno } from "./kernel-error.ts";
import { watchReadable } from "./syscalls/readable.ts";
import { call, SYS_pidfd_open } from "./syscalls/syscalls.ts";

/** Resolves when the process has ended, at once when there is none. Rejects with the signal's reason. */
export async function processEnd(pid: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const fd = openProcess(pid);
  if (fd === undefined) return;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  const watch = watchReadable(fd, resolve);
  try {
    await promise;
  } finally {
    signal.removeEventListener("abort", abort);
    watch[Symbol.dispose]();
    closeSync(fd);
  }
}

function openProcess(pid: number): number | undefined {
  try {
    return call("pidfd_open", `open process ${pid}`, SYS_pidfd_open, pid, 0);
  } catch (error) {
    if (isErrno(error, "ESRCH")) return undefined;
    throw error;
  }
}
