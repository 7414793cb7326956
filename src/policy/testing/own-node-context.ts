/** For `verdict`: a pod's node is where it runs. */
import type { PolicyWorld } from "../policy-world.ts";
import type { VerdictContext } from "../verdict.ts";

export function ownNodeContext(world: PolicyWorld): VerdictContext {
  return {
    isOwnNode(pod, address) {
      const node = world.nodes.get(world.pods.get(pod)?.node ?? "");
      return node?.addresses.includes(address) ?? false;
    },
  };
}
