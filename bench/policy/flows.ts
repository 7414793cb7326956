/**
 * Packets and connections between two pods of this process by direct system calls: Node's own sockets would cost more
 * than what is measured.
 */
import { closeSync } from "node:fs";
import type { IpAddress } from "#base/ip-address.ts";
import { inNetns, type Netns } from "#kernel/netns/netns.ts";
import { AF_INET, call, SOCK_CLOEXEC, SOCK_DGRAM, SOL_SOCKET } from "#kernel/syscalls/syscalls.ts";
import { encodeSocketAddress } from "#kernel/udp/socket-address.ts";

const SOCK_STREAM = 1;
/** include/uapi/asm-generic/socket.h */
const SO_LINGER = 13;
const SO_RCVTIMEO = 20;
const SO_SNDTIMEO = 21;
const TIMEOUT_S = 5n;
const BACKLOG = 128;
const MESSAGE_BYTES = 4;

export interface PodEnd {
  readonly netns: Netns;
  readonly address: IpAddress;
}

export interface FlowProbe extends Disposable {
  /** A datagram as the first packet of a new flow. */
  send(number: number): void;
  /** Waits for the next one that arrives. Throws when none does. */
  receive(): number;
  /** Microseconds of one connect(2); both ends are then closed by a reset. */
  connect(): number;
}

export function openFlowProbe(client: PodEnd, server: PodEnd, port: number): FlowProbe {
  using stack = new DisposableStack();
  const name = encodeSocketAddress({ address: server.address, port });
  const open = (end: PodEnd, type: number, owner: DisposableStack): number => {
    const fd = inNetns(end.netns, () => call("socket", "open a socket", AF_INET, type | SOCK_CLOEXEC, 0));
    owner.defer(() => closeSync(fd));
    for (const option of [SO_RCVTIMEO, SO_SNDTIMEO]) setTimeoutOf(fd, option);
    return fd;
  };
  const datagrams = open(server, SOCK_DGRAM, stack);
  const listener = open(server, SOCK_STREAM, stack);
  for (const fd of [datagrams, listener]) call("bind", "bind the server", fd, name, name.length);
  call("listen", "listen", listener, BACKLOG);
  const received = Buffer.alloc(MESSAGE_BYTES);
  const owned = stack.move();
  return {
    send(number) {
      using once = new DisposableStack();
      const fd = open(client, SOCK_DGRAM, once);
      const message = Buffer.alloc(MESSAGE_BYTES);
      message.writeUInt32BE(number);
      call("connect", "choose the server", fd, name, name.length);
      call("send", "send a datagram", fd, message, message.length, 0);
    },
    receive() {
      call("recv", "receive the datagram that policies allow", datagrams, received, received.length, 0);
      return received.readUInt32BE();
    },
    connect() {
      using once = new DisposableStack();
      const fd = open(client, SOCK_STREAM, once);
      const linger = Buffer.alloc(8);
      linger.writeInt32LE(1);
      call("setsockopt", "set SO_LINGER", fd, SOL_SOCKET, SO_LINGER, linger, linger.length);
      const started = process.hrtime.bigint();
      call("connect", `connect to ${server.address}`, fd, name, name.length);
      const spentUs = Number(process.hrtime.bigint() - started) / 1000;
      closeSync(call("accept4", "accept", listener, null, null, SOCK_CLOEXEC));
      return spentUs;
    },
    [Symbol.dispose]: () => owned.dispose(),
  };
}

/** struct timeval */
function setTimeoutOf(fd: number, option: number): void {
  const value = Buffer.alloc(16);
  value.writeBigInt64LE(TIMEOUT_S);
  call("setsockopt", "set a timeout", fd, SOL_SOCKET, option, value, value.length);
}
