/**
 * The folder of the one demo that may run: /run/podwire/demo. Whoever holds its lock has it; what a demo that was
 * killed left in it goes when the next one takes it.
 */
import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmdirSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { isErrno } from "#kernel/kernel-error.ts";
import { call, LOCK_EX, LOCK_NB } from "#kernel/syscalls/syscalls.ts";

/** For the folder, and in it the socket on which a demo that is kept waits to be taken down. */
export function demoFolderPath(environment: NodeJS.ProcessEnv): string {
  return join(environment["PODWIRE_RUN_DIR"] || "/run/podwire", "demo");
}

export function downSocketPath(folder: string): string {
  return join(folder, "down.sock");
}

/** Empty, and held until disposed; then it is gone. Undefined when another demo has it. */
export function takeDemoFolder(path: string): Disposable | undefined {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  if (!tryLock(fd, path)) {
    closeSync(fd);
    return undefined;
  }
  if (statSync(path, { throwIfNoEntry: false })?.ino !== fstatSync(fd).ino) {
    closeSync(fd);
    return takeDemoFolder(path); // its last owner removed it before we had the lock
  }
  for (const name of readdirSync(path)) rmSync(join(path, name), { recursive: true, force: true });
  return {
    [Symbol.dispose]() {
      rmSync(path, { recursive: true, force: true });
      removeIfEmpty(dirname(path));
      closeSync(fd);
    },
  };
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

function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOTEMPTY")) throw error;
  }
}
