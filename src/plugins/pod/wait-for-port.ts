/**
 * Waits until the bridge forwards what comes from a pod's port. The kernel enables a port when its carrier is up, which
 * it notices in a work queue of its own shortly after both ends were set up.
 */
import { CniError } from "#cni/cni-error.ts";
import { watchLinks } from "#kernel/rtnetlink/events.ts";
import { findLink, type Link } from "#kernel/rtnetlink/link.ts";
import type { Host } from "../host.ts";

/** The reference's plugin waits 2.5 s in steps; a port takes well below a millisecond. */
const DEADLINE_MS = 2_500;

/** Answers the port as it is then. Throws CniError when it does not come up in time. */
export async function waitForPort(
  { rtnetlink, netns }: Pick<Host, "rtnetlink" | "netns">,
  ifindex: number,
): Promise<Link> {
  const ready = (): Link | undefined => {
    const link = findLink(rtnetlink, { ifindex });
    return link?.bridgePort?.state === "forwarding" ? link : undefined;
  };
  const now = ready();
  if (now) return now;
  const { promise, resolve, reject } = Promise.withResolvers<Link>();
  const look = (): void => {
    const link = ready();
    if (link) resolve(link);
  };
  using _watch = watchLinks(netns, { link: look, lost: look }, { ifindex });
  const deadline = setTimeout(() => {
    const state = findLink(rtnetlink, { ifindex })?.bridgePort?.state ?? "gone";
    reject(new CniError("internal", `bridge port in error state: ${state}`, `ifindex=${ifindex}`));
  }, DEADLINE_MS);
  look();
  try {
    return await promise;
  } finally {
    clearTimeout(deadline);
  }
}
