/** One subscription to deletions of links for everybody in the process. */
import type { Netns } from "#kernel/netns/netns.ts";
import { type LinkDeletionListener, watchLinkDeletions } from "#kernel/rtnetlink/events.ts";
import type { LinkEvents } from "#plugins/host.ts";

/** Subscribes to the kernel with the first listener, so that a one-shot process without any pays nothing. */
export function createLinkEvents(netns: Netns): LinkEvents & Disposable {
  const listeners = new Set<LinkDeletionListener>();
  let watch: Disposable | undefined;
  return {
    listen(listener) {
      watch ??= watchLinkDeletions(netns, {
        deleted(ifindex) {
          for (const each of listeners) each.deleted(ifindex);
        },
        lost() {
          for (const each of listeners) each.lost();
        },
      });
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
    [Symbol.dispose]: () => watch?.[Symbol.dispose](),
  };
}
