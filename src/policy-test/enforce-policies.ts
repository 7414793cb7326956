/** Has every node's enforcer program what the policies mean for its pods, as the agent of a cluster's node does. */
import { FAMILIES } from "#dataplane/contract.ts";
import type { PolicyEnforcer, PolicyNode } from "#dataplane/policy/contract.ts";
import { compileRuleModel } from "#policy/compile-rule-model.ts";
import { testWorld } from "./model/test-world.ts";
import type { PolicyTest } from "./policy-test.ts";
import type { PlannedNode, SandboxPlan } from "./sandbox/plan-sandbox.ts";
import { BRIDGE, type Sandbox } from "./sandbox/start-sandbox.ts";

/** Linux's own number of VXLAN, which Flannel uses. */
const VXLAN_PORT = 8472;

export interface Enforced {
  readonly test: PolicyTest;
  readonly plan: SandboxPlan;
}

/** When it returns, the rules are in the kernel. */
export function enforcePolicies(
  { nodes }: Sandbox,
  enforcers: readonly PolicyEnforcer[],
  { test, plan }: Enforced,
): void {
  const world = testWorld(test, test.policies, plan);
  for (const [index, { name, plan: place, attachments }] of nodes.entries()) {
    enforcers[index]?.sync(policyNode(place), compileRuleModel(world, { node: name }), attachments);
  }
}

function policyNode({ podPrefixes }: PlannedNode): PolicyNode {
  return {
    nodePods: FAMILIES.map((family) => podPrefixes[family]),
    podLinks: [],
    bridges: [BRIDGE],
    overlayPorts: [VXLAN_PORT],
    established: "reevaluate",
  };
}
