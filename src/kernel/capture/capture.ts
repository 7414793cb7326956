/**
 * Sees the packets of a whole network namespace: each one on every link that it passes, with direction and time.
 * Equal to `tcpdump -i any`. Source: packet(7); include/uapi/linux/if_packet.h, Linux 6.1.
 * The filter is in place before the socket hears anything, and from the bind on nothing is missed.
 */
import { closeSync } from "node:fs";
import { i32host, u16host, u32host } from "#base/codec/values.ts";
import { encodeFilter, type SocketFilter } from "../netlink/socket-filter.ts";
import { inNetns, type Netns } from "../netns/netns.ts";
import { type ReceivedMessage, receiveMessage, sendTo } from "../syscalls/message-io.ts";
import { watchReadable } from "../syscalls/readable.ts";
import {
  attachSocketFilter,
  call,
  SO_RCVBUFFORCE,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOL_SOCKET,
} from "../syscalls/syscalls.ts";

const AF_PACKET = 17;
const ETH_P_ALL = 0x0003;
/** Option and control message: struct timespec of CLOCK_REALTIME. include/uapi/asm-generic/socket.h */
const SO_TIMESTAMPNS = 35;
const PACKET_OUTGOING = 4;
/** struct sockaddr_ll {family u16, protocol u16be, ifindex i32, hatype u16, pkttype u8, halen u8, address 8} */
const SOCKADDR_LL_BYTES = 20;
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;
/** ARPHRD_NONE: a link without hardware header, such as TUN. include/uapi/linux/if_arp.h */
const ARPHRD_NONE = 0xfffe;

export interface CapturedPacket {
  readonly ifindex: number;
  readonly direction: "in" | "out";
  /** CLOCK_REALTIME. */
  readonly timeNs: bigint;
  readonly hasEthernet: boolean;
  readonly data: Buffer;
}

export interface Capture extends Disposable {
  /** Reads what waits in the socket, now. */
  drain(): void;
}

export function openCapture(netns: Netns, filter: SocketFilter, onPacket: (packet: CapturedPacket) => void): Capture {
  // Protocol 0 hears nothing yet.
  const fd = inNetns(netns, () =>
    call("socket", "open packet socket", AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
  );
  try {
    attachSocketFilter(fd, encodeFilter(filter));
    setOption(fd, SO_TIMESTAMPNS, 1);
    setOption(fd, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES);
    const address = linkAddress(0, ETH_P_ALL);
    call("bind", "bind packet socket", fd, address, address.length);
    const drain = () => {
      for (let message = read(fd); message !== undefined; message = read(fd)) {
        const packet = decodeCaptured(message);
        if (packet !== undefined) onPacket(packet);
      }
    };
    const watch = watchReadable(fd, drain);
    return {
      drain,
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

/** Sends one frame out of a link as it is. */
export function sendFrame(netns: Netns, ifindex: number, frame: Uint8Array): void {
  const fd = inNetns(netns, () => call("socket", "open packet socket", AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  try {
    sendTo(fd, frame, linkAddress(ifindex, Buffer.from(frame).readUInt16BE(12)), "send frame");
  } finally {
    closeSync(fd);
  }
}

/** Undefined when the name or the time is missing. */
export function decodeCaptured({ name, data, control }: ReceivedMessage): CapturedPacket | undefined {
  const stamp = control.find(({ level, type }) => level === SOL_SOCKET && type === SO_TIMESTAMPNS)?.data;
  if (name.length < SOCKADDR_LL_BYTES - 8 || stamp === undefined || stamp.length < 16) return undefined;
  return {
    ifindex: i32host.read(name, 4, name.length),
    direction: name.readUInt8(10) === PACKET_OUTGOING ? "out" : "in",
    timeNs: stamp.readBigInt64LE(0) * 1_000_000_000n + stamp.readBigInt64LE(8),
    hasEthernet: u16host.read(name, 8, name.length) !== ARPHRD_NONE,
    data,
  };
}

function read(fd: number): ReceivedMessage | undefined {
  return receiveMessage(fd, "receive packet");
}

function linkAddress(ifindex: number, protocol: number): Buffer {
  const bytes = Buffer.alloc(SOCKADDR_LL_BYTES);
  u16host.write(bytes, 0, AF_PACKET);
  bytes.writeUInt16BE(protocol, 2);
  i32host.write(bytes, 4, ifindex);
  return bytes;
}

function setOption(fd: number, option: number, value: number): void {
  const bytes = Buffer.alloc(4);
  u32host.write(bytes, 0, value);
  call("setsockopt", "set option of packet socket", fd, SOL_SOCKET, option, bytes, 4);
}
