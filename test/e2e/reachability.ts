/** Whether pods reach each other as themselves: each asks each other one, which answers with the address that it sees. */
import { ask, startEcho } from "#dataplane/conformance/echo.ts";
import type { FaultPod } from "./fault-cluster.ts";
import { inLanes } from "./in-lanes.ts";

/** Pods that ask at the same time, each all others at once. */
const LANES = 2;

/** Of each ordered pair that does not see the other's own address: what it saw. */
export async function brokenPairs(pods: readonly FaultPod[]): Promise<readonly string[]> {
  using stack = new DisposableStack();
  for (const { netns, address } of pods) stack.use(startEcho(netns, address));
  const seen = await inLanes(pods, LANES, (from) =>
    Promise.all(
      pods.map(async (to) => {
        if (to === from) return [];
        const answer = await ask(from.netns, from.address, to.address);
        return answer === from.address ? [] : [`${from.name} to ${to.name}: ${answer}`];
      }),
    ),
  );
  return seen.flat(2);
}
