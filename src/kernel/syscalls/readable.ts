/**
 * Tells when descriptors become readable: one epoll set, waited for by one pool thread, whatever the number of
 * descriptors. Node can watch streams and datagram sockets of the Internet families only; netlink is neither.
 * The thread runs while something is watched, so it does not keep a process alive for nothing.
 * Source: epoll(7), eventfd(2).
 */
import { readSync, writeSync } from "node:fs";
import { call, EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLLIN, epollWaitOnThread } from "./syscalls.ts";

/** EFD_NONBLOCK | EFD_CLOEXEC, EPOLL_CLOEXEC: fcntl.h values of x86_64 and arm64. */
const EFD_NONBLOCK_CLOEXEC = 0o4000 | 0o2000000;
const EPOLL_CLOEXEC = 0o2000000;
/** struct epoll_event is packed on x86_64 only: {events u32, data u64} with data at 4, elsewhere at 8. */
const EVENT_BYTES = process.arch === "x64" ? 12 : 16;
const DATA_OFFSET = process.arch === "x64" ? 4 : 8;
const EVENTS_PER_WAIT = 64;

interface Pump {
  readonly epfd: number;
  readonly wakeFd: number;
  readonly callbacks: Map<number, () => void>;
  running: boolean;
}

let pump: Pump | undefined;

/** Calls `callback` on the main thread whenever `fd` has something to read. It must read until EAGAIN. */
export function watchReadable(fd: number, callback: () => void): Disposable {
  pump ??= createPump();
  const { epfd, callbacks } = pump;
  control(epfd, EPOLL_CTL_ADD, fd);
  callbacks.set(fd, callback);
  if (!pump.running) void run(pump);
  const current = pump;
  return {
    [Symbol.dispose]() {
      if (!callbacks.delete(fd)) return;
      control(epfd, EPOLL_CTL_DEL, fd);
      if (callbacks.size === 0) wake(current);
    },
  };
}

function createPump(): Pump {
  const epfd = call("epoll_create1", "create epoll set", EPOLL_CLOEXEC);
  const wakeFd = call("eventfd", "create eventfd", 0, EFD_NONBLOCK_CLOEXEC);
  control(epfd, EPOLL_CTL_ADD, wakeFd);
  return { epfd, wakeFd, callbacks: new Map(), running: false };
}

async function run(current: Pump): Promise<void> {
  current.running = true;
  const events = Buffer.alloc(EVENT_BYTES * EVENTS_PER_WAIT);
  while (current.callbacks.size > 0) {
    const count = await epollWaitOnThread(current.epfd, events, EVENTS_PER_WAIT);
    for (let index = 0; index < count; index++) {
      const fd = events.readUInt32LE(index * EVENT_BYTES + DATA_OFFSET);
      if (fd === current.wakeFd) readSync(fd, Buffer.alloc(8));
      else current.callbacks.get(fd)?.();
    }
  }
  current.running = false;
}

function wake({ wakeFd }: Pump): void {
  const one = Buffer.alloc(8);
  one.writeBigUInt64LE(1n);
  writeSync(wakeFd, one);
}

function control(epfd: number, operation: number, fd: number): void {
  const event = Buffer.alloc(EVENT_BYTES);
  event.writeUInt32LE(EPOLLIN, 0);
  event.writeUInt32LE(fd, DATA_OFFSET);
  call("epoll_ctl", "watch descriptor", epfd, operation, fd, event);
}
