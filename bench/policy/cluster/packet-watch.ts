/**
 * When packets of new connections are decided otherwise. While it watches, a datagram from a new port goes to each server
 * every millisecond; which of them arrive says how each server's node decides. By direct system calls, and from one timer
 * of this process, so that it takes little from who is measured.
 */
import { closeSync } from "node:fs";
import { inNetns } from "#kernel/netns/netns.ts";
import { AF_INET, call, MSG_DONTWAIT, SOCK_CLOEXEC, SOCK_DGRAM, syscalls } from "#kernel/syscalls/syscalls.ts";
import { encodeSocketAddress } from "#kernel/udp/socket-address.ts";
import type { PodEnd } from "./cluster-pods.ts";

export type Decision = "allowed" | "denied";

export interface PacketWatch extends Disposable {
  /** By server: when the first packet was sent that is decided so, by performance.now(). Every later one is as well. */
  until(decision: Decision, signal: AbortSignal): Promise<readonly number[]>;
}

const INTERVAL_MS = 1;
/** So many in a row that do not arrive were not late. */
const LOST_IN_A_ROW = 5;
const MESSAGE_BYTES = 4;
const DEADLINE_MS = 10_000;

interface Watched {
  readonly fd: number;
  readonly name: Buffer;
  /** When each packet was sent, by its number; forgotten when a later one has arrived. */
  sent: Map<number, number>;
  decidedMs: number | undefined;
}

export function openPacketWatch(client: PodEnd, servers: readonly PodEnd[], port: number): PacketWatch {
  using stack = new DisposableStack();
  const message = Buffer.alloc(MESSAGE_BYTES);
  const received = Buffer.alloc(MESSAGE_BYTES);
  let number = 0;
  const watched = servers.map(({ netns, address }): Watched => {
    const name = encodeSocketAddress({ address, port });
    const fd = inNetns(netns, openDatagramSocket);
    stack.defer(() => closeSync(fd));
    call("bind", "bind a server", fd, name, name.length);
    return { fd, name, sent: new Map(), decidedMs: undefined };
  });

  function sendTo(one: Watched, fd: number): void {
    message.writeUInt32BE(++number);
    call("connect", "choose a server", fd, one.name, one.name.length);
    one.sent.set(number, performance.now());
    call("send", "send a datagram", fd, message, message.length, 0);
    closeSync(fd);
  }

  /** Datagrams of one flow each arrive in the order in which they were sent. */
  function look(one: Watched, decision: Decision): void {
    while (syscalls.recv(one.fd, received, received.length, MSG_DONTWAIT) === MESSAGE_BYTES) {
      const arrived = received.readUInt32BE();
      const sentMs = one.sent.get(arrived);
      if (decision === "allowed") one.decidedMs ??= sentMs;
      for (const sent of [...one.sent.keys()]) if (sent <= arrived) one.sent.delete(sent);
    }
    if (decision === "denied" && one.sent.size >= LOST_IN_A_ROW) [one.decidedMs] = one.sent.values();
  }

  const owned = stack.move();
  return {
    async until(decision, signal) {
      const deadline = AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)]);
      for (const one of watched) {
        one.sent.clear();
        one.decidedMs = undefined;
      }
      for (;;) {
        const pending = watched.filter(({ decidedMs }) => decidedMs === undefined);
        if (pending.length === 0) return watched.flatMap(({ decidedMs }) => decidedMs ?? []);
        if (deadline.aborted) {
          signal.throwIfAborted();
          const late = `${pending.length} of ${watched.length} nodes do not decide "${decision}"`;
          throw new Error(`Cannot measure: after ${DEADLINE_MS} ms ${late}`);
        }
        const fds = inNetns(client.netns, () => pending.map(openDatagramSocket));
        for (const [index, one] of pending.entries()) sendTo(one, fds[index] ?? -1);
        for (const one of pending) look(one, decision);
        await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
      }
    },
    [Symbol.dispose]: () => owned.dispose(),
  };
}

function openDatagramSocket(): number {
  return call("socket", "open a socket", AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}
