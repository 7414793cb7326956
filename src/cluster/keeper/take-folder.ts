/**
 * A folder that one process at a time has: the folder's lock is its owner's for as long as it lives. The lock says
 * whether a cluster's keeper is alive, whatever else a killed one has left. Source: flock(2).
 */
import { closeSync, constants, fstatSync, mkdirSync, openSync, rmSync, statSync } from "node:fs";
import { isErrno } from "#kernel/kernel-error.ts";
import { call, LOCK_EX, LOCK_NB } from "#kernel/syscalls/syscalls.ts";

export interface TakenFolder extends Disposable {
  /** Removes the folder while it is held. */
  remove(): void;
}

/** Made if it is missing, 0700. Undefined when another process has it. Disposing gives it back. */
export function takeFolder(path: string): TakenFolder | undefined {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  if (!tryLock(fd, path)) {
    closeSync(fd);
    return undefined;
  }
  if (statSync(path, { throwIfNoEntry: false })?.ino !== fstatSync(fd).ino) {
    closeSync(fd);
    return takeFolder(path); // its last owner removed it before we had the lock
  }
  return { remove: () => rmSync(path, { recursive: true, force: true }), [Symbol.dispose]: () => closeSync(fd) };
}

function tryLock(fd: number, path: string): boolean {
  try {
    call("flock", `lock "${path}"`, fd, LOCK_EX | LOCK_NB);
    return true;
  } catch (error) {
    if (isErrno(error, "EAGAIN", "EWOULDBLOCK")) return false;
    throw error;
  }
}
