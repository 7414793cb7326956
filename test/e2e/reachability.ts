/** Whether pods reach each other as themselves: each asks each other one, which answers with the address that it sees. */
import { ask, startEcho } from "#dataplane/conformance/echo.ts";
import type { FaultPod } from "./fault-cluster.ts";
import { inLanes } from "./in-lanes.ts";

/** Pods that ask at the same time, each all others at once. */
const LANES = 2;

export const allPairs = (): boolean => true;

/**
 * Neighbours on one node know each other's MAC address, and all namespaces share the kernel's table of 1024 neighbours
 * (net.ipv4.neigh.default.gc_thresh3): hundreds of pods ask those of other nodes.
 */
export const acrossNodes = (from: FaultPod, to: FaultPod): boolean => from.node !== to.node;

/** Of each ordered pair that does not see the other's own address: what it saw. */
export async function brokenPairs(
  pods: readonly FaultPod[],
  isAsked: (from: FaultPod, to: FaultPod) => boolean = allPairs,
): Promise<readonly string[]> {
  using stack = new DisposableStack();
  for (const { netns, address } of pods) stack.use(startEcho(netns, address));
  const seen = await inLanes(pods, LANES, (from) =>
    Promise.all(
      pods.map(async (to) => {
        if (to === from || !isAsked(from, to)) return [];
        const answer = await ask(from.netns, from.address, to.address);
        return answer === from.address ? [] : [`${from.name} to ${to.name}: ${answer}`];
      }),
    ),
  );
  return seen.flat(2);
}
