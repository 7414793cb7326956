/** Takes away what an agent that enforced policies has left in the kernel: from now on somebody else does, or nobody. */
import type { Log } from "#base/log.ts";
import { createNftablesEnforcer } from "#dataplane/policy/nftables/nftables-enforcer.ts";
import type { Netns } from "#kernel/netns/netns.ts";

export async function removePolicy(netns: Netns, log: Log): Promise<void> {
  await using enforcer = createNftablesEnforcer({ netns });
  if (enforcer.remove()) log.info("policies are no longer enforced here");
}
