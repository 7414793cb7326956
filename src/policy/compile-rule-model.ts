/** A whole world as the rules of one node, or of all nodes together. */
import { createPolicyIndex, type PolicyIndex } from "./index/policy-index.ts";
import type { PolicyWorld } from "./policy-world.ts";
import type { RuleModel } from "./rule-model.ts";

/** `node` absent: the rules of all pods. */
export function compileRuleModel(world: PolicyWorld, options: { readonly node?: string | undefined } = {}): RuleModel {
  const index = createPolicyIndex(options);
  setWorld(index, world);
  index.takeChanges();
  return index.model();
}

export function setWorld(index: PolicyIndex, world: PolicyWorld): void {
  for (const namespace of world.namespaces.values()) index.setNamespace(namespace);
  for (const node of world.nodes.values()) index.setNode(node);
  for (const pod of world.pods.values()) index.setPod(pod);
  for (const policy of world.policies.values()) index.setPolicy(policy);
}
