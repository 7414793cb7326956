/**
 * One policy as rules, without looking at any pod: who it is about, its rules with their peers as names of sets, where
 * those sets come from. What cannot be understood or is not supported is closed, never skipped: a rule that accepts then
 * matches nothing, one that denies or passes denies all. It is said in `problems`.
 * Source: networking.k8s.io/v1 NetworkPolicy; policy.networking.k8s.io/v1alpha2 ClusterNetworkPolicy.
 */
import { compileClusterNetworkPolicy } from "./compile-cluster-network-policy.ts";
import { compileNetworkPolicy } from "./compile-network-policy.ts";
import type { PolicyPlan } from "./policy-plan.ts";
import type { WorldPolicy } from "./policy-world.ts";

export function compilePolicy(policy: WorldPolicy): PolicyPlan {
  return policy.kind === "NetworkPolicy"
    ? compileNetworkPolicy(policy.id, policy.object)
    : compileClusterNetworkPolicy(policy.id, policy.object);
}
