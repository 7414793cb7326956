/**
 * UDP sockets inside network namespaces that Node's cannot be: "don't fragment" is kept (a datagram over the MTU is
 * refused with EMSGSIZE), and ICMP errors come with the address of the router that sent them.
 * Source: ip(7) IP_MTU_DISCOVER and IP_RECVERR, ipv6(7); include/uapi/linux/errqueue.h.
 */
import { closeSync } from "node:fs";
import { u32host } from "#base/codec/values.ts";
import { type Family, familyOf, type IpAddress } from "#base/ip-address.ts";
import { KernelError } from "../kernel-error.ts";
import { inNetns, type Netns } from "../netns/netns.ts";
import { MSG_ERRQUEUE, type ReceivedMessage, receiveMessage, sendTo } from "../syscalls/message-io.ts";
import { watchReadable } from "../syscalls/readable.ts";
import {
  AF_INET,
  AF_INET6,
  call,
  SO_RCVBUFFORCE,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOL_SOCKET,
  syscalls,
} from "../syscalls/syscalls.ts";
import { decodeSocketAddress, encodeSocketAddress, type SocketAddress } from "./socket-address.ts";

/** SOL_IP and SOL_IPV6 with their options: include/uapi/linux/in.h, in6.h. IP_PMTUDISC_PROBE: set DF, ignore the path's MTU. */
const OPTIONS = {
  4: { level: 0, mtuDiscover: 10, receiveErrors: 11 },
  6: { level: 41, mtuDiscover: 23, receiveErrors: 25 },
} as const;
const IPV6_V6ONLY = 26;
const PMTUDISC_PROBE = 3;
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;
/** struct sock_extended_err {errno u32, origin u8, type u8, code u8, pad u8, info u32, data u32}, then the offender. */
const EXTENDED_ERROR_BYTES = 16;
/** One socket has one pending error; more come only while it is read. */
const MAX_PENDING_ERRORS = 100;
const ORIGIN_ICMP = 2;
const ORIGIN_ICMP6 = 3;

/** An ICMP error about a datagram that was sent. */
export interface IcmpError {
  /** Where the datagram went. */
  readonly target: SocketAddress | undefined;
  /** Who sent the error; undefined where this machine itself refused. */
  readonly offender: IpAddress | undefined;
  readonly code: string;
  readonly type: number;
  readonly icmpCode: number;
  /** MTU of the next hop, in "fragmentation needed". */
  readonly info: number;
  /** The datagram's payload, as far as the error quotes it. */
  readonly quoted: Buffer;
}

export interface UdpSocket extends Disposable {
  readonly local: SocketAddress;
  /** Throws KernelError: EMSGSIZE for more than the link's MTU, ENETUNREACH, EPERM, … */
  send(bytes: Uint8Array, to: SocketAddress): void;
  /** Reads what waits in the socket, now. */
  drain(): void;
}

export interface UdpListener {
  datagram(bytes: Buffer, from: SocketAddress): void;
  error(error: IcmpError): void;
}

/** Binds to the address in the namespace; throws KernelError (EADDRNOTAVAIL where it is not an address there). */
export function openUdpSocket(netns: Netns, local: SocketAddress, listener: UdpListener): UdpSocket {
  const family = familyOf(local.address);
  const fd = inNetns(netns, () => {
    const type = SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
    return call("socket", "open UDP socket", family === 4 ? AF_INET : AF_INET6, type, 0);
  });
  try {
    setOptions(fd, family);
    const address = encodeSocketAddress(local);
    call("bind", `bind UDP socket to ${local.address} port ${local.port}`, fd, address, address.length);
    const bound = boundAddress(fd, local);
    const watch = watchReadable(fd, () => drain(fd, listener));
    return {
      local: bound,
      drain: () => drain(fd, listener),
      send: (bytes, to) => send(fd, bytes, to, () => drain(fd, listener)),
      [Symbol.dispose]() {
        watch[Symbol.dispose]();
        closeSync(fd);
      },
    };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/**
 * An ICMP error about an earlier datagram is reported by the next call, whatever that one sends, and with the same codes as
 * a refusal of this one. It is in the queue: this one is sent again, and what is refused twice is refused.
 */
function send(fd: number, bytes: Uint8Array, to: SocketAddress, drainErrors: () => void): void {
  const operation = `send ${bytes.length} bytes to ${to.address} port ${to.port}`;
  const address = encodeSocketAddress(to);
  try {
    sendTo(fd, bytes, address, operation);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    drainErrors();
    sendTo(fd, bytes, address, operation);
  }
}

function setOptions(fd: number, family: Family): void {
  const { level, mtuDiscover, receiveErrors } = OPTIONS[family];
  const set = (atLevel: number, option: number, value: number) => {
    const bytes = Buffer.alloc(4);
    u32host.write(bytes, 0, value);
    call("setsockopt", "set option of UDP socket", fd, atLevel, option, bytes, 4);
  };
  set(level, mtuDiscover, PMTUDISC_PROBE);
  set(level, receiveErrors, 1);
  if (family === 6) set(level, IPV6_V6ONLY, 1);
  set(SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES);
}

function boundAddress(fd: number, local: SocketAddress): SocketAddress {
  const name = Buffer.alloc(28);
  const length = Buffer.alloc(4);
  u32host.write(length, 0, name.length);
  if (syscalls.getsockname(fd, name, length) < 0) return local;
  return { address: local.address, port: decodeSocketAddress(name)?.port ?? local.port };
}

function drain(fd: number, listener: UdpListener): void {
  for (;;) {
    const error = receive(fd, MSG_ERRQUEUE);
    if (error !== undefined) {
      const icmp = decodeError(error);
      if (icmp !== undefined) listener.error(icmp);
      continue;
    }
    const message = receive(fd, 0);
    if (message === undefined) return;
    const from = decodeSocketAddress(message.name);
    if (from !== undefined) listener.datagram(message.data, from);
  }
}

/** With errors queued, plain receives report each one as their own failure first: the one after it goes on. */
function receive(fd: number, flags: number): ReceivedMessage | undefined {
  for (let errors = 0; ; errors++) {
    try {
      return receiveMessage(fd, "receive datagram", flags);
    } catch (error) {
      if (!(error instanceof KernelError) || flags !== 0 || errors >= MAX_PENDING_ERRORS) throw error;
    }
  }
}

export function decodeError({ control, data, name }: ReceivedMessage): IcmpError | undefined {
  const found = control.find(({ level, type }) =>
    Object.values(OPTIONS).some((options) => options.level === level && options.receiveErrors === type),
  );
  if (found === undefined || found.data.length < EXTENDED_ERROR_BYTES) return undefined;
  const bytes = found.data;
  const origin = bytes.readUInt8(4);
  const isIcmp = origin === ORIGIN_ICMP || origin === ORIGIN_ICMP6;
  return {
    target: decodeSocketAddress(name),
    offender: isIcmp ? decodeSocketAddress(bytes.subarray(EXTENDED_ERROR_BYTES))?.address : undefined,
    code: new KernelError("", u32host.read(bytes, 0, bytes.length)).code,
    type: bytes.readUInt8(5),
    icmpCode: bytes.readUInt8(6),
    info: u32host.read(bytes, 8, bytes.length),
    quoted: data,
  };
}
