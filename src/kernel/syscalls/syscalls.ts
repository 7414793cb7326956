/**
 * The only place where native code is called: one function per system call, through libc.
 * Everything is synchronous on the main thread, because a network namespace belongs to a thread;
 * the calls that may wait for the kernel (`…OnThread`) run on libuv's pool and touch no namespace.
 * Constants: include/uapi/asm-generic and include/uapi/linux of Linux 6.1; they are the same on x86_64 and arm64.
 */
import koffi from "koffi";
import { KernelError } from "../kernel-error.ts";

const libc = koffi.load("libc.so.6");

type Int = (...args: (number | bigint | string | Uint8Array | null)[]) => number;

// koffi gives untyped functions; each declaration below states the C prototype that the cast relies on.
const bound = {
  socket: libc.func("int socket(int domain, int type, int protocol)") as Int,
  bind: libc.func("int bind(int fd, void *address, uint32_t length)") as Int,
  connect: libc.func("int connect(int fd, void *address, uint32_t length)") as Int,
  listen: libc.func("int listen(int fd, int backlog)") as Int,
  accept4: libc.func("int accept4(int fd, void *address, void *length, int flags)") as Int,
  getsockname: libc.func("int getsockname(int fd, void *address, void *length)") as Int,
  setsockopt: libc.func("int setsockopt(int fd, int level, int name, void *value, uint32_t length)") as Int,
  getsockopt: libc.func("int getsockopt(int fd, int level, int name, void *value, void *length)") as Int,
  send: libc.func("long send(int fd, void *data, size_t length, int flags)") as Int,
  recv: libc.func("long recv(int fd, void *data, size_t length, int flags)") as Int,
  setns: libc.func("int setns(int fd, int type)") as Int,
  unshare: libc.func("int unshare(int flags)") as Int,
  mount: libc.func("int mount(str source, str target, str type, unsigned long flags, void *data)") as Int,
  umount2: libc.func("int umount2(str target, int flags)") as Int,
  flock: libc.func("int flock(int fd, int operation)") as Int,
  ioctl: libc.func("int ioctl(int fd, unsigned long request, void *argument)") as Int,
  eventfd: libc.func("int eventfd(unsigned int value, int flags)") as Int,
  epoll_create1: libc.func("int epoll_create1(int flags)") as Int,
  epoll_ctl: libc.func("int epoll_ctl(int epfd, int operation, int fd, void *event)") as Int,
  /** pidfd_open(2) by number: glibc has had a name for it since 2.36 only. */
  pidfd_open: libc.func("long syscall(long number, int pid, unsigned int flags)") as Int,
} as const;
const sendAsync = libc.func("long send(int fd, void *data, size_t length, int flags)");
const epollWait = libc.func("int epoll_wait(int epfd, void *events, int count, int timeout)");
const flockAsync = libc.func("int flock(int fd, int operation)");

export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_BRIDGE = 7;
export const AF_NETLINK = 16;
export const AF_UNSPEC = 0;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_CLOEXEC = 0o2000000;
export const SOCK_NONBLOCK = 0o4000;
export const SOL_SOCKET = 1;
export const SO_SNDBUFFORCE = 32;
export const SO_RCVBUFFORCE = 33;
/** Unique number of the socket's network namespace until the next boot. Since Linux 5.14. */
export const SO_NETNS_COOKIE = 71;
export const SOL_NETLINK = 270;
export const MSG_DONTWAIT = 0x40;
export const MSG_TRUNC = 0x20;
export const CLONE_NEWNET = 0x40000000;
export const CLONE_NEWNS = 0x00020000;
export const MS_BIND = 4096;
export const MS_REC = 16384;
export const MS_SHARED = 1 << 20;
export const MS_PRIVATE = 1 << 18;
export const MNT_DETACH = 2;
export const LOCK_SH = 1;
export const LOCK_EX = 2;
export const LOCK_NB = 4;
export const LOCK_UN = 8;
/** Type of a namespace file: CLONE_NEW…; ENOTTY where the file is none. include/uapi/linux/nsfs.h */
export const NS_GET_NSTYPE = 0xb703;
/** Number of pidfd_open(2), the same on all architectures: asm-generic/unistd.h. Since Linux 5.3. */
export const SYS_pidfd_open = 434;
export const EPOLLIN = 1;
export const EPOLL_CTL_ADD = 1;
export const EPOLL_CTL_DEL = 2;

/**
 * System calls by name. Tests of crash safety replace entries of this table to end the process behind a chosen call;
 * nothing else writes to it.
 */
export const syscalls: { -readonly [K in keyof typeof bound]: Int } = { ...bound };

/** Calls and throws KernelError when the call answers -1. `operation` finishes the sentence "Cannot …". */
export function call(name: keyof typeof bound, operation: string, ...args: Parameters<Int>): number {
  const result = syscalls[name](...args);
  if (result < 0) throw new KernelError(operation, koffi.errno());
  return result;
}

/** struct sock_fprog: include/uapi/linux/filter.h */
koffi.struct("sock_fprog", { length: "uint16_t", filter: "void *" });
const attachFilterOption = libc.func(
  "int setsockopt(int fd, int level, int name, sock_fprog *program, uint32_t length)",
);
/** SO_ATTACH_FILTER, include/uapi/asm-generic/socket.h */
const SO_ATTACH_FILTER = 26;
/** sizeof(struct sock_fprog) with a pointer of 8 bytes. */
const SOCK_FPROG_BYTES = 16;

/** Classic BPF of 8 bytes an instruction. Throws KernelError (EINVAL for a program that the kernel does not accept). */
export function attachSocketFilter(fd: number, instructions: Uint8Array): void {
  const program = { length: instructions.length / 8, filter: instructions };
  if (attachFilterOption(fd, SOL_SOCKET, SO_ATTACH_FILTER, program, SOCK_FPROG_BYTES) < 0) {
    throw new KernelError("attach socket filter", koffi.errno());
  }
}

const exitProcess = libc.func("void _exit(int status)");

/**
 * Ends the process without waiting for pool threads: one may sit in `flock` or `send` for as long as the kernel likes,
 * and `process.exit` joins it. What was written has to be flushed before.
 */
export function exitNow(status: number): void {
  exitProcess(status);
}

/** errno of the last failed call on this thread. */
export function lastErrno(): number {
  return koffi.errno();
}

/** As `syscalls`: the calls on a pool thread that change something. */
export const threadSyscalls = {
  send(fd: number, data: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      sendAsync.async(fd, data, data.length, 0, (error: Error | null, result: number) =>
        error ? reject(error) : resolve(result),
      );
    });
  },
};

/** `send` on a pool thread: for requests during which the kernel waits, such as deleting links. */
export function sendOnThread(fd: number, data: Uint8Array): Promise<number> {
  return threadSyscalls.send(fd, data);
}

/** `epoll_wait` without a time-out, on a pool thread. Fills `events` and answers their number, or -1. */
export function epollWaitOnThread(epfd: number, events: Uint8Array, count: number): Promise<number> {
  return new Promise((resolve, reject) => {
    epollWait.async(epfd, events, count, -1, (error: Error | null, result: number) =>
      error ? reject(error) : resolve(result),
    );
  });
}

/** `flock` on a pool thread: waits until the lock is free. Answers 0 or -1. */
export function flockOnThread(fd: number, operation: number): Promise<number> {
  return new Promise((resolve, reject) => {
    flockAsync.async(fd, operation, (error: Error | null, result: number) => (error ? reject(error) : resolve(result)));
  });
}
