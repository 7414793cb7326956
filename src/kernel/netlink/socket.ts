/**
 * A netlink socket: request, dump, and the events of multicast groups.
 * The kernel handles a request inside `send`, so the answer is there when `send` returns: requests are synchronous
 * and cost no thread. Only requests during which the kernel itself waits have an asynchronous twin.
 * Source: netlink(7); include/uapi/linux/netlink.h, Linux 6.1.
 */
import { closeSync } from "node:fs";
import { constants } from "node:os";
import { DecodeError } from "#base/codec/codec.ts";
import { KernelError } from "../kernel-error.ts";
import { inNetns, type Netns } from "../netns/netns.ts";
import { watchReadable } from "../syscalls/readable.ts";
import {
  AF_NETLINK,
  attachSocketFilter,
  call,
  lastErrno,
  MSG_DONTWAIT,
  MSG_TRUNC,
  SO_RCVBUFFORCE,
  SO_SNDBUFFORCE,
  SOCK_CLOEXEC,
  SOCK_RAW,
  SOL_NETLINK,
  SOL_SOCKET,
  sendOnThread,
  syscalls,
} from "../syscalls/syscalls.ts";
import {
  decodeMessages,
  encodeMessage,
  type NetlinkMessage,
  type NetlinkRequest,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  readErrno,
  readError,
} from "./message.ts";
import { encodeFilter, type SocketFilter } from "./socket-filter.ts";

export const NETLINK_ROUTE = 0;
export const NETLINK_SOCK_DIAG = 4;
export const NETLINK_NETFILTER = 12;
export const NETLINK_GENERIC = 16;

const NETLINK_ADD_MEMBERSHIP = 1;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
/** Dumps honour the filter in their request. Since Linux 4.20. */
const NETLINK_GET_STRICT_CHK = 12;

/** The kernel fills at most 32 KiB per dump datagram (netlink_recvmsg); twice that never truncates. */
const RECEIVE_BYTES = 64 * 1024;
/** Attempts at a dump that changed while it was read. Under steady churn a larger number does not help. */
const DUMP_ATTEMPTS = 10;
/** One for all sockets: requests are synchronous, and what is kept of an answer is copied. */
const buffer = Buffer.allocUnsafeSlow(RECEIVE_BYTES);
const EVENT_BUFFER_BYTES = 8 * 1024 * 1024;

export interface NetlinkSocket extends Disposable {
  readonly netns: Netns | undefined;
  /** For requests that are no netlink messages, such as ioctl(2) about links. */
  readonly fd: number;
  /** The kernel's number for this socket in its namespace; events name the socket that caused them by it. */
  readonly portId: number;
  /** One request and its acknowledgement; answers the data messages that came before it. Throws KernelError. */
  request(request: NetlinkRequest, operation: string): readonly NetlinkMessage[];
  /**
   * One object: asked for without acknowledgement, since the kernel answers with the object or an error. Undefined when
   * it answers with one of these errno values, which then is no failure.
   */
  find(request: NetlinkRequest, operation: string, absent: readonly number[]): NetlinkMessage | undefined;
  /** As `request`, with `send` on a pool thread. One at a time per socket; others must not use the socket meanwhile. */
  requestOnThread(request: NetlinkRequest, operation: string): Promise<readonly NetlinkMessage[]>;
  /** All objects of a kind, consistent: repeated when the kernel says that they changed meanwhile. */
  dump(request: NetlinkRequest, operation: string): readonly NetlinkMessage[];
  /** Sends prepared messages in one datagram, whole transactions for example; see `receive`. */
  send(datagram: Buffer, operation: string): void;
  /** One waiting datagram, or undefined. Its bytes are overwritten by the next call. */
  receive(operation: string): readonly NetlinkMessage[] | undefined;
  nextSequence(): number;
}

export interface NetlinkSocketOptions {
  readonly protocol:
    | typeof NETLINK_ROUTE
    | typeof NETLINK_NETFILTER
    | typeof NETLINK_SOCK_DIAG
    | typeof NETLINK_GENERIC;
  /** Namespace of the socket; default: this thread's. */
  readonly netns?: Netns;
}

interface Answer {
  readonly messages: readonly NetlinkMessage[];
  readonly interrupted: boolean;
}

export function createNetlinkSocket({ protocol, netns }: NetlinkSocketOptions): NetlinkSocket {
  const fd = openSocket(protocol, netns);
  let sequence = 1;
  let closed = false;
  /** Requests on threads. */
  let sending = 0;

  function nextSequence(): number {
    sequence = sequence === 0xffffffff ? 1 : sequence + 1;
    return sequence;
  }

  function send(datagram: Buffer, operation: string): void {
    if (syscalls.send(fd, datagram, datagram.length, 0) >= 0) return;
    const error = new KernelError(operation, lastErrno());
    if (error.code !== "EMSGSIZE") throw error;
    // Larger than the send buffer: grow it (the kernel doubles the number) and send again. Needs CAP_NET_ADMIN.
    const size = Buffer.alloc(4);
    size.writeUInt32LE(datagram.length);
    call("setsockopt", operation, fd, SOL_SOCKET, SO_SNDBUFFORCE, size, 4);
    call("send", operation, fd, datagram, datagram.length, 0);
  }

  function receive(operation: string): readonly NetlinkMessage[] | undefined {
    const length = syscalls.recv(fd, buffer, buffer.length, MSG_DONTWAIT | MSG_TRUNC);
    if (length < 0) {
      const errno = lastErrno();
      if (errno === constants.errno.EAGAIN) return undefined;
      if (errno === constants.errno.EINTR) return receive(operation);
      throw new KernelError(operation, errno);
    }
    if (length === 0) return undefined; // no netlink message is empty
    if (length > buffer.length)
      throw new KernelError(operation, constants.errno.EMSGSIZE, `message of ${length} bytes`);
    return decodeMessages(buffer.subarray(0, length));
  }

  function receiveAnswer(operation: string): readonly NetlinkMessage[] {
    const datagram = receive(operation);
    if (datagram === undefined) throw new KernelError(operation, constants.errno.EIO, "netlink answered nothing");
    return datagram;
  }

  /** Reads until the acknowledgement of `expected`. Payloads are copied: the buffer is used again. */
  function collect(expected: number, operation: string): Answer {
    const messages: NetlinkMessage[] = [];
    let interrupted = false;
    for (;;) {
      for (const message of receiveAnswer(operation)) {
        if (message.sequence !== expected) continue; // left over from a request that failed half way
        if (message.flags & NLM_F_DUMP_INTR) interrupted = true;
        if (message.type === NLMSG_ERROR || message.type === NLMSG_DONE) {
          const error = readError(message, operation);
          if (error) throw error;
          return { messages, interrupted };
        }
        messages.push({ ...message, payload: Buffer.from(message.payload) });
      }
    }
  }

  /** The first message with the number: the object, or the error. Its payload is a copy. */
  function collectOne(expected: number, operation: string, absent: readonly number[]): NetlinkMessage | undefined {
    for (;;) {
      for (const message of receiveAnswer(operation)) {
        if (message.sequence !== expected) continue;
        if (message.type !== NLMSG_ERROR) return { ...message, payload: Buffer.from(message.payload) };
        if (absent.includes(readErrno(message))) return undefined;
        throw readError(message, operation) ?? new KernelError(operation, constants.errno.EIO, "there is no object");
      }
    }
  }

  function prepare(request: NetlinkRequest, flags: number): { bytes: Buffer; expected: number } {
    const expected = nextSequence();
    return { bytes: encodeMessage(request, (request.flags ?? 0) | NLM_F_REQUEST | flags, expected), expected };
  }

  return {
    netns,
    fd,
    get portId() {
      return readPortId(fd);
    },
    nextSequence,
    send,
    receive,
    request(request, operation) {
      const { bytes, expected } = prepare(request, NLM_F_ACK);
      send(bytes, operation);
      return collect(expected, operation).messages;
    },
    find(request, operation, absent) {
      const { bytes, expected } = prepare(request, 0);
      send(bytes, operation);
      return collectOne(expected, operation, absent);
    },
    async requestOnThread(request, operation) {
      const { bytes, expected } = prepare(request, NLM_F_ACK);
      sending++;
      const sent = await sendOnThread(fd, bytes).finally(() => {
        sending--;
        if (closed && sending === 0) closeSync(fd);
      });
      if (closed) throw new KernelError(operation, constants.errno.EBADF, "the socket was closed meanwhile");
      if (sent < 0) throw new KernelError(operation, constants.errno.EIO, "send failed"); // errno stays on the thread
      return collect(expected, operation).messages;
    },
    dump(request, operation) {
      for (let attempt = 1; ; attempt++) {
        const { bytes, expected } = prepare(request, NLM_F_DUMP);
        send(bytes, operation);
        const { messages, interrupted } = collect(expected, operation);
        if (!interrupted) return messages;
        if (attempt === DUMP_ATTEMPTS)
          throw new KernelError(operation, constants.errno.EINTR, `changed during ${attempt} dumps`);
      }
    },
    [Symbol.dispose]() {
      if (closed) return;
      closed = true;
      if (sending === 0) closeSync(fd); // a thread in `send` keeps the number from being used again
    },
  };
}

/** What a subscriber learns: messages, or that some were lost and the state has to be read again. */
export interface NetlinkListener {
  message(message: NetlinkMessage): void;
  /** The kernel dropped events (ENOBUFS). */
  lost(): void;
}

export interface ListenOptions extends NetlinkSocketOptions {
  readonly groups: readonly number[];
  /** What to hear at all; default: everything. */
  readonly filter?: SocketFilter;
  /** Sent first, one after the other: what asks the kernel for messages to this socket alone. */
  readonly requests?: readonly NetlinkRequest[];
}

export interface NetlinkSubscription extends Disposable {
  /** Reports what waits in the socket, now: nothing that has happened is missing afterwards. */
  drain(): void;
}

/** Joins multicast groups (RTNLGRP_LINK = 1, …) and reports every message until disposed. */
export function listenNetlink(options: ListenOptions, listener: NetlinkListener): NetlinkSubscription {
  const fd = openSocket(options.protocol, options.netns);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(EVENT_BUFFER_BYTES);
  syscalls.setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, size, 4); // refused without privilege: the default then serves
  try {
    if (options.filter) attachSocketFilter(fd, encodeFilter(options.filter));
    for (const group of options.groups) setOption(fd, NETLINK_ADD_MEMBERSHIP, group, `join netlink group ${group}`);
    for (const [index, request] of (options.requests ?? []).entries()) subscribe(fd, request, index + 1);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  const events = Buffer.allocUnsafeSlow(RECEIVE_BYTES);
  let closed = false;
  const drain = (): void => {
    while (!closed) {
      const length = syscalls.recv(fd, events, events.length, MSG_DONTWAIT);
      if (length >= 0) {
        deliver(events.subarray(0, length), listener);
        continue;
      }
      const error = new KernelError("receive netlink events", lastErrno());
      if (error.code === "EAGAIN") return;
      if (error.code === "ENOBUFS") listener.lost();
      else if (error.code !== "EINTR") throw error;
    }
  };
  const watch = watchReadable(fd, drain);
  return {
    drain,
    [Symbol.dispose]() {
      if (closed) return;
      closed = true;
      watch[Symbol.dispose]();
      closeSync(fd);
    },
  };
}

/** One request and its acknowledgement, on a socket that hears nothing else yet. Throws KernelError. */
function subscribe(fd: number, request: NetlinkRequest, sequence: number): void {
  const operation = "subscribe to netlink messages";
  const bytes = encodeMessage(request, (request.flags ?? 0) | NLM_F_REQUEST | NLM_F_ACK, sequence);
  call("send", operation, fd, bytes, bytes.length, 0);
  for (;;) {
    const length = call("recv", operation, fd, buffer, buffer.length, MSG_DONTWAIT);
    for (const message of decodeMessages(buffer.subarray(0, length))) {
      if (message.sequence !== sequence || message.type !== NLMSG_ERROR) continue;
      const error = readError(message, operation);
      if (error) throw error;
      return;
    }
  }
}

/** A message that cannot be read is as good as lost: the listener reads the state itself, and the process lives on. */
function deliver(datagram: Buffer, listener: NetlinkListener): void {
  try {
    for (const message of decodeMessages(datagram)) listener.message(message);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    listener.lost();
  }
}

function openSocket(protocol: number, netns: Netns | undefined): number {
  const open = () => call("socket", "open netlink socket", AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
  const fd = netns ? inNetns(netns, open) : open();
  try {
    call("bind", "bind netlink socket", fd, netlinkAddress(), 12);
    setOption(fd, NETLINK_EXT_ACK, 1, "ask for extended acknowledgements");
    setOption(fd, NETLINK_CAP_ACK, 1, "ask for short acknowledgements");
    if (protocol === NETLINK_ROUTE) setOption(fd, NETLINK_GET_STRICT_CHK, 1, "ask for filtered dumps");
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function readPortId(fd: number): number {
  const address = netlinkAddress();
  const length = Buffer.alloc(4);
  length.writeUInt32LE(address.length);
  call("getsockname", "read netlink port id", fd, address, length);
  return address.readUInt32LE(4);
}

/** struct sockaddr_nl {family u16, pad u16, pid u32, groups u32}: the kernel chooses the port id. */
function netlinkAddress(): Buffer {
  const address = Buffer.alloc(12);
  address.writeUInt16LE(AF_NETLINK, 0);
  return address;
}

function setOption(fd: number, name: number, value: number, operation: string): void {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  call("setsockopt", operation, fd, SOL_NETLINK, name, bytes, 4);
}
