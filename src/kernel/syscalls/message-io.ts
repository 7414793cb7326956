/**
 * Datagrams with their addresses and control messages: sendto(2) and recvmsg(2).
 * Source: socket(7), cmsg(3); struct msghdr and cmsghdr of 64-bit Linux.
 */
import koffi from "koffi";
import { KernelError } from "../kernel-error.ts";

const libc = koffi.load("libc.so.6");
koffi.struct("iovec", { base: "void *", length: "size_t" });
koffi.struct("msghdr", {
  name: "void *",
  nameLength: "uint32_t",
  iov: "iovec *",
  iovLength: "size_t",
  control: "void *",
  controlLength: "size_t",
  flags: "int",
});
const recvmsg = libc.func("long recvmsg(int fd, _Inout_ msghdr *message, int flags)");
const sendto = libc.func(
  "long sendto(int fd, void *data, size_t length, int flags, void *address, uint32_t addressLength)",
);

/** MSG_DONTWAIT, MSG_TRUNC of include/linux/socket.h */
const MSG_DONTWAIT = 0x40;
const MSG_TRUNC = 0x20;
/** Queue of ICMP errors and transmit time stamps. */
export const MSG_ERRQUEUE = 0x2000;
const EAGAIN = 11;

const MAX_DATAGRAM_BYTES = 65_536;
const NAME_BYTES = 32;
const CONTROL_BYTES = 512;
/** struct cmsghdr {length size_t, level int, type int}; the next one starts at a multiple of 8. */
const CMSG_HEADER_BYTES = 16;

/** One for all sockets: receiving is synchronous, and what is kept of a datagram is copied. */
const data = Buffer.allocUnsafeSlow(MAX_DATAGRAM_BYTES);
const name = Buffer.alloc(NAME_BYTES);
const control = Buffer.alloc(CONTROL_BYTES);

export interface ControlMessage {
  readonly level: number;
  readonly type: number;
  readonly data: Buffer;
}

export interface ReceivedMessage {
  readonly data: Buffer;
  /** Bytes of the datagram, also of what did not fit. */
  readonly wholeBytes: number;
  /** struct sockaddr_… of the sender. */
  readonly name: Buffer;
  readonly control: readonly ControlMessage[];
}

/** One waiting datagram; undefined when there is none. Throws KernelError for errors pending on the socket, too. */
export function receiveMessage(fd: number, operation: string, flags = 0): ReceivedMessage | undefined {
  const message = {
    name,
    nameLength: NAME_BYTES,
    iov: [{ base: data, length: MAX_DATAGRAM_BYTES }],
    iovLength: 1,
    control,
    controlLength: CONTROL_BYTES,
    flags: 0,
  };
  const length: number = recvmsg(fd, message, flags | MSG_DONTWAIT | MSG_TRUNC);
  if (length < 0) {
    const errno = koffi.errno();
    if (errno === EAGAIN) return undefined;
    throw new KernelError(operation, errno);
  }
  return {
    data: Buffer.from(data.subarray(0, Math.min(length, MAX_DATAGRAM_BYTES))),
    wholeBytes: length,
    name: Buffer.from(name.subarray(0, message.nameLength)),
    control: controlMessages(message.controlLength),
  };
}

/** Throws KernelError: EMSGSIZE, ENETUNREACH, EPERM (a firewall's drop in the output hook), … */
export function sendTo(fd: number, bytes: Uint8Array, address: Uint8Array, operation: string): void {
  if (sendto(fd, bytes, bytes.length, MSG_DONTWAIT, address, address.length) < 0) {
    throw new KernelError(operation, koffi.errno());
  }
}

function controlMessages(end: number): readonly ControlMessage[] {
  const messages: ControlMessage[] = [];
  for (let at = 0; at + CMSG_HEADER_BYTES <= end; ) {
    const length = Number(control.readBigUInt64LE(at));
    if (length < CMSG_HEADER_BYTES || at + length > end) break;
    messages.push({
      level: control.readInt32LE(at + 8),
      type: control.readInt32LE(at + 12),
      data: Buffer.from(control.subarray(at + CMSG_HEADER_BYTES, at + length)),
    });
    at += Math.ceil(length / 8) * 8;
  }
  return messages;
}
