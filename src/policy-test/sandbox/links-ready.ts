/**
 * Waits until links can pass packets: the kernel learns of a carrier in the background, and a packet before that is lost.
 * One subscription for all links of a namespace, made before the first of them.
 */
import type { NetlinkSocket } from "#kernel/netlink/socket.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import { watchLinks } from "#kernel/rtnetlink/events.ts";
import { findLink, listLinks } from "#kernel/rtnetlink/link.ts";

export interface ReadyLinks extends Disposable {
  /** Resolves when all links that are there now, but loopback, have their carrier; bridge ports must forward. */
  wait(signal: AbortSignal): Promise<void>;
}

export function watchReadyLinks(name: string, netns: Netns, socket: NetlinkSocket): ReadyLinks {
  const waiting = new Map<number, string>();
  let done: (() => void) | undefined;
  const settle = () => {
    if (waiting.size === 0) done?.();
  };
  const readAll = () => {
    waiting.clear();
    for (const link of listLinks(socket)) if (!isReady(link)) waiting.set(link.ifindex, link.name);
    settle();
  };
  const watch = watchLinks(netns, {
    link(change, ifindex) {
      if (!waiting.has(ifindex)) return;
      const link = change === "new" ? findLink(socket, { ifindex }) : undefined;
      if (link === undefined || isReady(link)) waiting.delete(ifindex);
      settle();
    },
    lost: readAll,
  });
  return {
    async wait(signal) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      done = resolve;
      const giveUp = () => {
        const missing = [...waiting.values()].join(", ");
        const isLate = signal.reason instanceof Error && signal.reason.name === "TimeoutError";
        const late = new Error(`Links of ${name} have no carrier in time: ${missing}`, { cause: signal.reason });
        reject(isLate ? late : signal.reason);
      };
      signal.addEventListener("abort", giveUp);
      try {
        readAll();
        await promise;
      } finally {
        signal.removeEventListener("abort", giveUp);
      }
    },
    [Symbol.dispose]: () => watch[Symbol.dispose](),
  };
}

function isReady({ name, up, operstate, bridgePort, kind }: ReturnType<typeof listLinks>[number]): boolean {
  if (name === "lo" || !up) return true;
  if (bridgePort !== undefined && bridgePort.state !== "forwarding") return false;
  return operstate === "up" || kind?.type !== "veth";
}
