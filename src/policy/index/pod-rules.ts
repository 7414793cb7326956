/** What holds for one pod, in the order of evaluation, from the policies that select it. */
import type { PolicyPlan, PolicyTier } from "../policy-plan.ts";
import type { WorldPod } from "../policy-world.ts";
import type { Direction, PodDirection, PodRules } from "../rule-model.ts";

export function podRules({ id, addresses }: WorldPod, plans: readonly PolicyPlan[]): PodRules {
  const ordered = plans.toSorted((a, b) => a.priority - b.priority || (a.policy < b.policy ? -1 : 1));
  return { pod: id, addresses, ingress: podDirection(ordered, "ingress"), egress: podDirection(ordered, "egress") };
}

function podDirection(ordered: readonly PolicyPlan[], direction: Direction): PodDirection {
  const about = ordered.filter(({ directions }) => directions.has(direction));
  const ofTier = (tier: PolicyTier) => about.filter((plan) => plan.tier === tier).map(({ policy }) => policy);
  return { admin: ofTier("admin"), network: ofTier("network"), baseline: ofTier("baseline") };
}
