/** Gives the pods and nodes of a random world the addresses of a cluster that is there. Pure. */
import type { PolicyWorld, WorldNode, WorldPod } from "#policy/policy-world.ts";
import type { NodeSlot, Slot } from "./slots.ts";

/** The pods in their order, one slot each; the nodes in theirs. */
export function placeWorld(world: PolicyWorld, slots: readonly Slot[], nodes: readonly NodeSlot[]): PolicyWorld {
  return {
    ...world,
    pods: new Map(
      Array.from(world.pods.values(), (pod, index): [string, WorldPod] => {
        const slot = slots[index];
        return [pod.id, { ...pod, node: slot?.node, addresses: slot?.addresses ?? [] }];
      }),
    ),
    nodes: new Map(
      Array.from(world.nodes.values(), (node, index): [string, WorldNode] => {
        const { name, addresses } = nodes[index] ?? node;
        return [name, { ...node, name, addresses }];
      }),
    ),
  };
}
