/**
 * Waits until links can pass packets: the kernel learns of a carrier in the background, and a bridge port forwards only
 * then. A packet before that is lost, and its sender tries again after a second.
 */
import type { NetlinkSocket } from "#kernel/netlink/socket.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import { watchLinks } from "#kernel/rtnetlink/events.ts";
import { findLink, type Link } from "#kernel/rtnetlink/link.ts";

export interface WaitedLinks {
  readonly netns: Netns;
  readonly socket: NetlinkSocket;
  readonly ifindexes: readonly number[];
}

const DEADLINE_MS = 10_000;

/** Rejects with the signal's reason, or naming the links that are not ready in time. */
export async function waitForLinks({ netns, socket, ifindexes }: WaitedLinks, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const unready = (): readonly string[] =>
    ifindexes.flatMap((ifindex) => {
      const link = findLink(socket, { ifindex });
      return link !== undefined && isReady(link) ? [] : [link?.name ?? `${ifindex}, which is gone`];
    });
  const check = (): void => {
    if (unready().length === 0) resolve();
  };
  const deadline = AbortSignal.timeout(DEADLINE_MS);
  const giveUp = (): void => {
    reject(signal.aborted ? signal.reason : new Error(`Links have no carrier in time: ${unready().join(", ")}`));
  };
  using _watch = watchLinks(netns, { link: check, lost: check });
  const aborted = AbortSignal.any([signal, deadline]);
  aborted.addEventListener("abort", giveUp);
  try {
    if (aborted.aborted) giveUp();
    check();
    await promise;
  } finally {
    aborted.removeEventListener("abort", giveUp);
  }
}

function isReady({ operstate, bridgePort }: Link): boolean {
  return operstate === "up" && (bridgePort === undefined || bridgePort.state === "forwarding");
}
