/**
 * A unix stream socket whose connections are one request each: the peer writes, shuts its side, and reads one reply.
 * On bare descriptors, because Node's stream around a connection costs more than everything else about it; only a reply
 * that the kernel does not take at once goes through one.
 * Source: unix(7), accept(2), send(2); errno values of include/uapi/asm-generic/errno.h.
 */
import { chmodSync, closeSync, openSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { constants } from "node:os";
import { KernelError } from "../kernel-error.ts";
import { watchReadable } from "../syscalls/readable.ts";
import { streamIo } from "../syscalls/stream-io.ts";
import { call, lastErrno, MSG_DONTWAIT, SOCK_CLOEXEC, SOCK_NONBLOCK } from "../syscalls/syscalls.ts";

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const MSG_NOSIGNAL = 0x4000;
const MODE = 0o600;
/** Of net.core.somaxconn since Linux 5.4; the kernel takes the smaller one. */
const BACKLOG = 4096;
/** struct sockaddr_un {family u16, path}: with the NUL. */
const MAX_PATH_BYTES = 108;
const { EAGAIN, EINTR, ECONNABORTED, EMFILE, ENFILE } = constants.errno;
/** More than a network configuration with its environment. */
const RECEIVE_BYTES = 64 * 1024;

export interface StreamServerOptions {
  /** Whoever owns the socket may connect, nobody else. What is there before is removed. */
  readonly path: string;
  readonly maxRequestBytes: number;
  /** What a peer gets that sends more. */
  readonly tooLarge: Uint8Array;
  /** The reply to a whole request. When it rejects, the connection ends without one. */
  answer(request: Buffer): Promise<Uint8Array>;
}

/**
 * Accepts when it returns. Disposal stops accepting, ends connections whose request is not whole, and waits for the
 * answers that are under way. Throws KernelError.
 */
export function listenStream({ path, maxRequestBytes, tooLarge, answer }: StreamServerOptions): AsyncDisposable {
  rmSync(path, { force: true });
  const listener = openListener(path);
  const buffer = Buffer.allocUnsafeSlow(RECEIVE_BYTES);
  /** Connections whose request is not whole. */
  const receiving = new Set<Disposable>();
  const answering = new Set<Promise<void>>();

  function receive(fd: number): void {
    const chunks: Buffer[] = [];
    let received = 0;
    let watch: Disposable | undefined;
    const connection = {
      [Symbol.dispose]() {
        watch?.[Symbol.dispose]();
        closeSync(fd);
      },
    };

    /** False when there is more to come. */
    function read(): boolean {
      for (;;) {
        const length = streamIo.recv(fd, buffer, RECEIVE_BYTES, MSG_DONTWAIT);
        const errno = length < 0 ? lastErrno() : 0;
        if (errno === EAGAIN) return false;
        if (errno === EINTR) continue;
        if (length <= 0) {
          end(length === 0);
          return true;
        }
        if (received <= maxRequestBytes && received + length > maxRequestBytes) sendNow(fd, tooLarge);
        received += length;
        // What is too much is read all the same: closed before, the peer could lose the reply.
        if (received <= maxRequestBytes) chunks.push(Buffer.from(buffer.subarray(0, length)));
      }
    }

    function end(isWhole: boolean): void {
      watch?.[Symbol.dispose]();
      receiving.delete(connection);
      if (!isWhole || received > maxRequestBytes) {
        closeSync(fd);
        return;
      }
      const [only] = chunks;
      const replied = reply(fd, chunks.length === 1 && only ? only : Buffer.concat(chunks));
      answering.add(replied);
      void replied.then(() => answering.delete(replied));
    }

    // Mostly all of it is there already.
    if (read()) return;
    watch = watchReadable(fd, read);
    receiving.add(connection);
  }

  /** Never rejects. */
  async function reply(fd: number, request: Buffer): Promise<void> {
    let rest: Uint8Array;
    try {
      const bytes = await answer(request);
      rest = bytes.subarray(sendNow(fd, bytes));
    } catch {
      closeSync(fd);
      return;
    }
    if (rest.length === 0) closeSync(fd);
    else await sendSlowly(fd, rest);
  }

  const spare = createSpareDescriptor();
  const accepting = watchReadable(listener, () => {
    for (let fd = accept(listener, spare); fd !== undefined; fd = accept(listener, spare)) receive(fd);
  });
  return {
    async [Symbol.asyncDispose]() {
      accepting[Symbol.dispose]();
      closeSync(listener);
      spare[Symbol.dispose]();
      for (const connection of receiving) connection[Symbol.dispose]();
      receiving.clear();
      await Promise.all(answering);
      rmSync(path, { force: true });
    },
  };
}

function openListener(path: string): number {
  const address = Buffer.alloc(2 + MAX_PATH_BYTES);
  if (Buffer.byteLength(path) >= MAX_PATH_BYTES) {
    throw new KernelError(`listen on "${path}"`, constants.errno.ENAMETOOLONG);
  }
  address.writeUInt16LE(AF_UNIX, 0);
  address.write(path, 2);
  const fd = call("socket", "open unix socket", AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  try {
    call("bind", `bind unix socket to "${path}"`, fd, address, 2 + Buffer.byteLength(path) + 1);
    if (streamIo.listen(fd, BACKLOG) < 0) throw new KernelError(`listen on "${path}"`, lastErrno());
    // Last: who watches the folder for the socket tries again at its last change, and then it has to accept.
    chmodSync(path, MODE);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** A connection that waits, or undefined. */
function accept(listener: number, spare: SpareDescriptor): number | undefined {
  for (;;) {
    const fd = streamIo.accept4(listener, null, null, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) return fd;
    const errno = lastErrno();
    if (errno === EAGAIN) return undefined;
    if (errno === EMFILE || errno === ENFILE) {
      // Left waiting, it would keep the listener readable for ever.
      if (!spare.lend(() => refuse(listener))) return undefined;
    } else if (errno !== EINTR && errno !== ECONNABORTED) throw new KernelError("accept a connection", errno);
  }
}

function refuse(listener: number): void {
  const fd = streamIo.accept4(listener, null, null, SOCK_CLOEXEC);
  if (fd >= 0) closeSync(fd);
}

/** Kept for when no other is left, so that whoever waits can at least be refused. */
interface SpareDescriptor extends Disposable {
  /** Runs the step with one more descriptor to be had; false when there is none. */
  lend(step: () => void): boolean;
}

function createSpareDescriptor(): SpareDescriptor {
  let fd: number | undefined = openSync("/dev/null", "r");
  const giveUp = (): void => {
    if (fd !== undefined) closeSync(fd);
    fd = undefined;
  };
  return {
    lend(step) {
      if (fd === undefined) return false;
      giveUp();
      step();
      try {
        fd = openSync("/dev/null", "r");
      } catch {
        // Somebody else was faster.
      }
      return true;
    },
    [Symbol.dispose]: giveUp,
  };
}

/** Gives how many bytes the kernel took; all of them when the peer is gone, whom nothing is owed. */
function sendNow(fd: number, bytes: Uint8Array): number {
  const sent = streamIo.send(fd, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent >= 0) return sent;
  return lastErrno() === EAGAIN ? 0 : bytes.length;
}

/** As fast as the peer reads. Resolves when the connection is closed. */
function sendSlowly(fd: number, bytes: Uint8Array): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const socket = new Socket({ fd, readable: false, writable: true });
  socket.on("error", () => socket.destroy()); // the peer was killed
  socket.once("close", () => resolve());
  socket.end(bytes);
  return promise;
}
