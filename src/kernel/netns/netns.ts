/**
 * Network namespaces. They belong to threads, so one is entered only for a synchronous step on the main thread
 * (open a socket, write a sysctl); the descriptor made there works from anywhere.
 * Equal to `ip netns`. Source: setns(2), ioctl_ns(2).
 */
import { closeSync, constants, fstatSync, mkdirSync, openSync, statSync, unlinkSync } from "node:fs";
import { dirname } from "node:path";
import { KernelError } from "../kernel-error.ts";
import {
  CLONE_NEWNET,
  call,
  lastErrno,
  MNT_DETACH,
  MS_BIND,
  MS_REC,
  MS_SHARED,
  NS_GET_NSTYPE,
  syscalls,
} from "../syscalls/syscalls.ts";

export interface Netns extends Disposable {
  readonly fd: number;
  /** Path it was opened by. */
  readonly path: string;
  /** Two open handles with the same inode are the same namespace: all lie on the one nsfs. */
  readonly inode: number;
}

export class NetnsError extends Error {
  override readonly name = "NetnsError";
  readonly path: string;
  /** `missing`: no such file. `notANamespace`: the file is something else. */
  readonly code: "missing" | "notANamespace";

  constructor(path: string, code: "missing" | "notANamespace", options?: ErrorOptions) {
    super(
      code === "missing"
        ? `Cannot open network namespace "${path}": no such file`
        : `Cannot open network namespace "${path}": it is not a network namespace`,
      options,
    );
    this.path = path;
    this.code = code;
  }
}

const OWN_PATH = "/proc/thread-self/ns/net";

/** Inode of the namespace at the path, or of whatever else is there; undefined when nothing is. Opens nothing. */
export function netnsInode(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}

/** Throws NetnsError when the path is missing or no network namespace. */
export function openNetns(path: string): Netns {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    throw new NetnsError(path, "missing", { cause });
  }
  if (syscalls.ioctl(fd, NS_GET_NSTYPE, null) !== CLONE_NEWNET) {
    closeSync(fd);
    throw new NetnsError(path, "notANamespace");
  }
  const inode = fstatSync(fd).ino;
  let open = true;
  return {
    fd,
    path,
    inode,
    [Symbol.dispose]() {
      if (open) closeSync(fd);
      open = false;
    },
  };
}

/** As openNetns, but undefined when there is no such namespace (any more). */
export function findNetns(path: string): Netns | undefined {
  if (path === "") return undefined;
  try {
    return openNetns(path);
  } catch (error) {
    if (error instanceof NetnsError) return undefined;
    throw error;
  }
}

export function ownNetns(): Netns {
  return openNetns(OWN_PATH);
}

/** The main thread's own namespace, opened once: whoever leaves it comes back in the same step. */
let homeNetns: Netns | undefined;

/** Where the main thread is while it is not at home. */
let visited: Pick<Netns, "inode"> | undefined;

/** Whether it is the main thread's own. */
export function isOwnNetns({ inode }: Pick<Netns, "inode">): boolean {
  homeNetns ??= ownNetns();
  return homeNetns.inode === inode;
}

/** Runs one synchronous step inside the namespace. A process that cannot come back ends at once. */
export function inNetns<T>(netns: Pick<Netns, "fd" | "inode">, step: () => T): T {
  homeNetns ??= ownNetns();
  const home = homeNetns;
  const before = visited;
  if (netns.inode === (before ?? home).inode) return step();
  call("setns", "enter network namespace", netns.fd, CLONE_NEWNET);
  visited = netns;
  try {
    return step();
  } finally {
    visited = undefined;
    if (syscalls.setns(home.fd, CLONE_NEWNET) < 0) process.abort();
  }
}

/**
 * Makes a namespace without a name, with nothing but `lo`, down. It lives until the handle is disposed or this process
 * ends, however it ends, and until its last process has ended. Others reach it by `path`: `/proc/PID/fd/NUMBER`.
 */
export function unshareNetns(): Netns {
  homeNetns ??= ownNetns();
  call("unshare", "create network namespace", CLONE_NEWNET);
  try {
    const netns = ownNetns();
    return { ...netns, path: `/proc/${process.pid}/fd/${netns.fd}` };
  } finally {
    if (syscalls.setns(homeNetns.fd, CLONE_NEWNET) < 0) process.abort();
  }
}

/**
 * Makes a namespace and binds it to `path`, as `ip netns add` does. Rejects an existing path.
 * The folder becomes a shared mount, so that other mount namespaces see what is bound there later.
 */
export function createNetns(path: string): Netns {
  mkdirSync(dirname(path), { recursive: true });
  makeMountPoint(dirname(path));
  closeSync(openSync(path, constants.O_CREAT | constants.O_EXCL | constants.O_RDONLY, 0));
  try {
    using home = ownNetns();
    call("unshare", "create network namespace", CLONE_NEWNET);
    try {
      call("mount", `bind network namespace to "${path}"`, OWN_PATH, path, "none", MS_BIND, null);
    } finally {
      if (syscalls.setns(home.fd, CLONE_NEWNET) < 0) process.abort();
    }
    return openNetns(path);
  } catch (error) {
    removeNetns(path);
    throw error;
  }
}

/** Unbinds the name. The namespace ends when its last user is gone. Nothing to do is fine. */
export function removeNetns(path: string): void {
  if (syscalls.umount2(path, MNT_DETACH) < 0) {
    const error = new KernelError(`unmount "${path}"`, lastErrno());
    if (error.code !== "EINVAL" && error.code !== "ENOENT") throw error; // not mounted, or not there
  }
  try {
    unlinkSync(path);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
}

/** Mount propagation needs a mount: bind the folder onto itself once and share it. */
function makeMountPoint(folder: string): void {
  if (syscalls.mount("", folder, "none", MS_SHARED | MS_REC, null) === 0) return;
  call("mount", `make "${folder}" a mount point`, folder, folder, "none", MS_BIND | MS_REC, null);
  call("mount", `share mount "${folder}"`, "", folder, "none", MS_SHARED | MS_REC, null);
}
