/**
 * The calls of a stream server: listen(2), accept4(2), recv(2), send(2). They answer -1 and leave an errno, as in C; what
 * they do concerns a peer, neither kernel objects nor files, so tests of crash safety do not count them.
 */
import koffi from "koffi";

const libc = koffi.load("libc.so.6");

// koffi gives untyped functions; each declaration below states the C prototype that the cast relies on.
type Int = (...args: (number | Uint8Array | null)[]) => number;

export const streamIo = {
  listen: libc.func("int listen(int fd, int backlog)") as Int,
  accept4: libc.func("int accept4(int fd, void *address, void *length, int flags)") as Int,
  recv: libc.func("long recv(int fd, void *data, size_t length, int flags)") as Int,
  send: libc.func("long send(int fd, void *data, size_t length, int flags)") as Int,
} as const;
