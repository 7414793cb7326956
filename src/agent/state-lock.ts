/**
 * The lock over the state of one network namespace: an agent holds it alone for its lifetime, one-shot processes
 * share it for one verb. So an agent that starts never takes a verb under way for one that was killed. Agents exclude
 * each other by a lock of their own, so that one which waits for verbs is known from one which comes too late.
 */
import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { isErrno, KernelError } from "#kernel/kernel-error.ts";
import { call, flockOnThread, LOCK_EX, LOCK_NB, LOCK_SH } from "#kernel/syscalls/syscalls.ts";

/** Undefined when another process holds the lock in a way that excludes this one. Released on disposal. */
export function tryStateLock(path: string, mode: "exclusive" | "shared"): Disposable | undefined {
  const lock = openLock(path);
  try {
    call("flock", `lock "${path}"`, lock.fd, (mode === "exclusive" ? LOCK_EX : LOCK_SH) | LOCK_NB);
    return lock;
  } catch (error) {
    lock[Symbol.dispose]();
    if (isErrno(error, "EAGAIN", "EWOULDBLOCK")) return undefined;
    throw error;
  }
}

/** Waits until one-shot processes are done. Undefined when `signal` came first. */
export async function waitForStateLock(path: string, signal: AbortSignal): Promise<Disposable | undefined> {
  const free = tryStateLock(path, "exclusive");
  if (free !== undefined) return free;
  const lock = openLock(path);
  const locked = flockOnThread(lock.fd, LOCK_EX).then((result) => {
    if (result < 0) throw new KernelError(`lock "${path}"`, 5);
    return lock;
  });
  const aborted = Promise.withResolvers<undefined>();
  const abort = (): void => {
    aborted.resolve(undefined);
    // The thread cannot be called back: what it gets is given back at once.
    locked.then(() => lock[Symbol.dispose]()).catch(() => lock[Symbol.dispose]());
  };
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([locked, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function openLock(path: string): Disposable & { readonly fd: number } {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const fd = openSync(path, "a", 0o600);
  return { fd, [Symbol.dispose]: () => closeSync(fd) };
}
