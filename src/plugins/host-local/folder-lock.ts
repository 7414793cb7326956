/**
 * The lock of a folder of reservations: flock(2) on its file `lock`, shared with every other implementation.
 * The descriptor stays open between operations, the lock never does. Operations of this process take turns, because
 * they share the descriptor and flock cannot tell them apart. Free locks are taken without leaving the thread;
 * for others a pool thread waits, at most one per folder, even after the operation that wanted it has given up.
 */
import { closeSync, constants, fstatSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { CniError } from "#cni/cni-error.ts";
import { isErrno } from "#kernel/kernel-error.ts";
import { call, flockOnThread, LOCK_EX, LOCK_NB, LOCK_UN } from "#kernel/syscalls/syscalls.ts";
import { isFsError } from "../fs-error.ts";

export interface FolderLock extends Disposable {
  /**
   * Runs `work` under the lock. A missing folder is made, or skipped: then `work` is not run and the answer is undefined.
   * Throws CniError 11 when the lock cannot be had in time.
   */
  run<T>(missing: "create" | "skip", work: () => T): Promise<T | undefined>;
}

interface OpenLock {
  readonly fd: number;
  /** Device and inode. */
  readonly identity: string;
  /** A pool thread is waiting for the lock; false when it failed. */
  waiting: Promise<boolean> | undefined;
  /** Whoever waits for that thread takes the lock; if nobody does, it is given back at once. */
  wanted: boolean;
}

/** Modes as the reference's. */
const FOLDER_MODE = 0o755;
const LOCK_MODE = 0o750;

export function createFolderLock(path: string, timeoutMs: number): FolderLock {
  let turn: Promise<unknown> = Promise.resolve();
  let lock: OpenLock | undefined;

  function run<T>(missing: "create" | "skip", work: () => T): Promise<T | undefined> {
    const deadline = Date.now() + timeoutMs;
    const result = turn.then(async () => {
      const held = await acquire(missing, deadline);
      if (held === undefined) return undefined;
      try {
        return work();
      } finally {
        call("flock", `unlock ${JSON.stringify(path)}`, held.fd, LOCK_UN);
      }
    });
    turn = result.catch(() => undefined); // the caller gets the error
    return result;
  }

  async function acquire(missing: "create" | "skip", deadline: number): Promise<OpenLock | undefined> {
    for (;;) {
      lock ??= openLock(path, missing);
      if (lock === undefined) return undefined;
      const isHeld = lock.waiting === undefined && tryLock(path, lock.fd);
      if (!isHeld && isInPlace(path, lock)) await waitForLock(path, lock, deadline, timeoutMs);
      if (isInPlace(path, lock)) return lock;
      // Somebody has replaced the folder: this is the lock of the old one.
      discardCurrent();
      if (Date.now() > deadline) throw timeoutError(path, timeoutMs);
    }
  }

  function discardCurrent(): void {
    if (lock !== undefined) discard(lock);
    lock = undefined;
  }

  return { run, [Symbol.dispose]: discardCurrent };
}

function openLock(path: string, missing: "create" | "skip"): OpenLock | undefined {
  const fd = openFile(path) ?? (missing === "create" ? openInNewFolder(path) : undefined);
  if (fd === undefined) return undefined;
  return { fd, identity: identityOf(fstatSync(fd, { bigint: true })), waiting: undefined, wanted: false };
}

function openInNewFolder(path: string): number {
  mkdirSync(dirname(path), { recursive: true, mode: FOLDER_MODE });
  return openSync(path, constants.O_RDONLY | constants.O_CREAT, LOCK_MODE);
}

function openFile(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_CREAT, LOCK_MODE);
  } catch (error) {
    if (isFsError(error, "ENOENT")) return undefined; // no folder
    throw error;
  }
}

/** Closing gives back the lock, but must wait for a thread that still uses the descriptor. */
function discard(lock: OpenLock): void {
  if (lock.waiting === undefined) closeSync(lock.fd);
  else void lock.waiting.then(() => closeSync(lock.fd));
}

function isInPlace(path: string, lock: OpenLock): boolean {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat !== undefined && identityOf(stat) === lock.identity;
}

function identityOf({ dev, ino }: { readonly dev: bigint; readonly ino: bigint }): string {
  return `${dev}:${ino}`;
}

function tryLock(path: string, fd: number): boolean {
  try {
    call("flock", `lock ${JSON.stringify(path)}`, fd, LOCK_EX | LOCK_NB);
    return true;
  } catch (error) {
    if (isErrno(error, "EAGAIN")) return false; // another process holds it
    throw error;
  }
}

async function waitForLock(path: string, lock: OpenLock, deadline: number, timeoutMs: number): Promise<void> {
  lock.waiting ??= lockOnThread(path, lock);
  lock.wanted = true;
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    lock.wanted = false;
    timeout.reject(timeoutError(path, timeoutMs));
  }, deadline - Date.now());
  try {
    const isLocked = await Promise.race([lock.waiting, timeout.promise]);
    if (!isLocked) throw new CniError("ioFailure", `Cannot lock "${path}": flock(2) failed`);
  } finally {
    clearTimeout(timer);
  }
}

async function lockOnThread(path: string, lock: OpenLock): Promise<boolean> {
  const result = await flockOnThread(lock.fd, LOCK_EX);
  lock.waiting = undefined;
  if (!lock.wanted && result === 0) call("flock", `unlock ${JSON.stringify(path)}`, lock.fd, LOCK_UN);
  lock.wanted = false;
  return result === 0;
}

function timeoutError(path: string, timeoutMs: number): CniError {
  const message = `Cannot lock "${path}" within ${timeoutMs / 1000} s: another process holds it`;
  return new CniError("tryAgainLater", message, "fuser(1) shows which process has the file open");
}
