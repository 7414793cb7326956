/**
 * The throw-away cluster as a place to run a test: every node's enforcer programs what the policies mean for its pods, as
 * the agent of a cluster's node does.
 */
import { FAMILIES } from "#dataplane/contract.ts";
import type { PolicyEnforcer, PolicyNode } from "#dataplane/policy/contract.ts";
import { createNftablesEnforcer } from "#dataplane/policy/nftables/nftables-enforcer.ts";
import { compileRuleModel } from "#policy/compile-rule-model.ts";
import { testWorld } from "../model/test-world.ts";
import type { PolicyTest } from "../policy-test.ts";
import { createNetnsAsker } from "../probe/ask-in-netns.ts";
import type { ProbeWorld } from "../probe-world.ts";
import { type PlannedNode, planSandbox } from "./plan-sandbox.ts";
import { BRIDGE, startSandbox } from "./start-sandbox.ts";

/** Linux's own number of VXLAN, which Flannel uses. */
const VXLAN_PORT = 8472;

export async function startSandboxWorld(test: PolicyTest, signal: AbortSignal): Promise<ProbeWorld> {
  await using stack = new AsyncDisposableStack();
  const places = planSandbox(test);
  const sandbox = stack.use(await startSandbox(places, signal));
  const { nodes } = sandbox;
  const enforcers = nodes.map(({ netns }): PolicyEnforcer => stack.use(createNftablesEnforcer({ netns })));
  const asker = stack.use(createNetnsAsker(test, { ...sandbox, places }));
  const owned = stack.move();
  return {
    places,
    ask: asker.ask,
    get isComplete() {
      return asker.isComplete;
    },
    enforce() {
      const world = testWorld(test, test.policies, places);
      for (const [index, { name, plan, attachments }] of nodes.entries()) {
        enforcers[index]?.sync(policyNode(plan), compileRuleModel(world, { node: name }), attachments);
      }
    },
    takeAway() {
      for (const enforcer of enforcers) enforcer.remove();
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
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
