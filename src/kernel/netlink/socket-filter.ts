/**
 * Classic BPF programs for netlink event sockets: the kernel drops what the listener would throw away, and does not wake
 * it. On a node that adds pods, most link events and nft transactions are our own.
 * Source: Documentation/networking/filter.rst, Linux 6.1. The program sees the datagram from its first netlink header on.
 */
import { u16host, u32host } from "#base/codec/values.ts";

/** One instruction: struct sock_filter {code u16, jt u8, jf u8, k u32}. */
interface Instruction {
  readonly code: number;
  /** Instructions to skip when the comparison holds, and when it does not. */
  readonly jumpTrue?: number;
  readonly jumpFalse?: number;
  readonly k: number;
}

export type SocketFilter = readonly Instruction[];

/** BPF_LD | BPF_H | BPF_ABS, BPF_LD | BPF_W | BPF_ABS, BPF_JMP | BPF_JEQ | BPF_K, BPF_RET | BPF_K: include/uapi/linux/filter.h */
const LOAD_HALF = 0x28;
const LOAD_WORD = 0x20;
const JUMP_IF_EQUAL = 0x15;
const RETURN = 0x06;
/** Bytes of the datagram to keep. */
const ALL = 0xffffffff;
const NONE = 0;

/** struct nlmsghdr: {length u32, type u16, flags u16, sequence u32, portId u32} in the host's byte order. */
const TYPE_OFFSET = 4;
const PORT_ID_OFFSET = 12;
const LINK_INDEX_OFFSET = 20;

/** Messages of this type alone. */
export function onlyType(type: number): SocketFilter {
  return [
    { code: LOAD_HALF, k: TYPE_OFFSET },
    { code: JUMP_IF_EQUAL, jumpTrue: 0, jumpFalse: 1, k: asLoaded16(type) },
    { code: RETURN, k: ALL },
    { code: RETURN, k: NONE },
  ];
}

/** Messages about the link with this ifindex alone: struct ifinfomsg {family u8, pad u8, type u16, index i32, …}. */
export function onlyLink(ifindex: number): SocketFilter {
  return [
    { code: LOAD_WORD, k: LINK_INDEX_OFFSET },
    { code: JUMP_IF_EQUAL, jumpTrue: 0, jumpFalse: 1, k: asLoaded32(ifindex) },
    { code: RETURN, k: ALL },
    { code: RETURN, k: NONE },
  ];
}

/** Nothing that the socket with this port id caused. */
export function notFromPort(portId: number): SocketFilter {
  return [
    { code: LOAD_WORD, k: PORT_ID_OFFSET },
    { code: JUMP_IF_EQUAL, jumpTrue: 0, jumpFalse: 1, k: asLoaded32(portId) },
    { code: RETURN, k: NONE },
    { code: RETURN, k: ALL },
  ];
}

export function encodeFilter(filter: SocketFilter): Buffer {
  const bytes = Buffer.alloc(filter.length * 8);
  for (const [index, { code, jumpTrue = 0, jumpFalse = 0, k }] of filter.entries()) {
    u16host.write(bytes, index * 8, code);
    bytes.writeUInt8(jumpTrue, index * 8 + 2);
    bytes.writeUInt8(jumpFalse, index * 8 + 3);
    u32host.write(bytes, index * 8 + 4, k);
  }
  return bytes;
}

/** Loads take the wire's byte order; the value lies there in the host's. */
function asLoaded16(value: number): number {
  const bytes = Buffer.alloc(2);
  u16host.write(bytes, 0, value);
  return bytes.readUInt16BE();
}

function asLoaded32(value: number): number {
  const bytes = Buffer.alloc(4);
  u32host.write(bytes, 0, value);
  return bytes.readUInt32BE();
}
