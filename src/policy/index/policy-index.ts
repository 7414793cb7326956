/**
 * The rules of one node, kept up to date as objects come and go: what changes costs what it touches, however many other
 * policies and pods there are. Only what the node's own pods need is there: policies that select none of them have no
 * rules, and sets that no rule names are not kept. Objects may arrive in any order.
 */
import { compilePolicy } from "../compile-policy.ts";
import type { DirectionPlan, PolicyPlan } from "../policy-plan.ts";
import { isPolicyPod, type WorldNamespace, type WorldNode, type WorldPod, type WorldPolicy } from "../policy-world.ts";
import {
  type Direction,
  type DirectionRules,
  type PodId,
  type PodRules,
  type PolicyId,
  type RuleModel,
  type RuleModelChanges,
  ruleKey,
} from "../rule-model.ts";
import { createAddressSets } from "./address-sets.ts";
import { createNamedPortTables } from "./named-port-tables.ts";
import { podRules } from "./pod-rules.ts";
import { createPodSelections, type SelectedPods } from "./pod-selections.ts";

const DIRECTIONS = ["ingress", "egress"] as const satisfies readonly Direction[];

export interface PolicyIndex {
  setNamespace(namespace: WorldNamespace): void;
  deleteNamespace(name: string): void;
  /** Also for a pod whose address only the node knows yet: its addresses are those that are given here. */
  setPod(pod: WorldPod): void;
  deletePod(id: PodId): void;
  setNode(node: WorldNode): void;
  deleteNode(name: string): void;
  setPolicy(policy: WorldPolicy): void;
  deletePolicy(id: PolicyId): void;
  /** What became of the model since the last call; all of it at first. */
  takeChanges(): RuleModelChanges;
  /** As of the last `takeChanges`, as a copy that stays as it is. */
  model(): RuleModel;
  /** Of one pod, as the model has it. */
  podRules(pod: PodId): PodRules | undefined;
  /** What of policies could not be understood or is not supported, and is therefore closed. */
  problems(): ReadonlyMap<PolicyId, readonly string[]>;
}

/** A policy, and who of this node it is about. */
interface ActivePolicy {
  readonly plan: PolicyPlan;
  readonly pods: Set<PodId>;
  subject: SelectedPods | undefined;
  /** Its sets and named ports are held. */
  isHeld: boolean;
}

interface OwnPod {
  pod: WorldPod;
  readonly policies: Set<ActivePolicy>;
}

/** `node` absent: all pods, as if there were one node. */
export function createPolicyIndex({ node }: { readonly node?: string | undefined } = {}): PolicyIndex {
  const selections = createPodSelections();
  const addressSets = createAddressSets(selections);
  const namedPorts = createNamedPortTables();
  const active = new Map<PolicyId, ActivePolicy>();
  const known = new Map<PodId, WorldPod>();
  const own = new Map<PodId, OwnPod>();
  const taken = { pods: new Map<PodId, PodRules>(), directions: new Map<string, DirectionRules>() };
  const dirtyPods = new Set<PodId>();
  const dirtyPolicies = new Set<PolicyId>();

  const isOwn = (pod: WorldPod): boolean => node === undefined || pod.node === node;

  function hold(policy: ActivePolicy): void {
    const isWanted = policy.pods.size > 0;
    if (isWanted === policy.isHeld) return;
    policy.isHeld = isWanted;
    dirtyPolicies.add(policy.plan.policy);
    for (const { sources, portKeys } of policy.plan.directions.values()) {
      for (const source of sources) isWanted ? addressSets.acquire(source) : addressSets.release(source.id);
      for (const key of portKeys) isWanted ? namedPorts.acquire(key) : namedPorts.release(key);
    }
  }

  function select(policy: ActivePolicy, pod: WorldPod): void {
    if (!isOwn(pod)) return;
    policy.pods.add(pod.id);
    own.get(pod.id)?.policies.add(policy);
    dirtyPods.add(pod.id);
    hold(policy);
  }

  function deselect(policy: ActivePolicy, id: PodId): void {
    if (!policy.pods.delete(id)) return;
    own.get(id)?.policies.delete(policy);
    dirtyPods.add(id);
    hold(policy);
  }

  function activate(plan: PolicyPlan): ActivePolicy {
    const policy: ActivePolicy = { plan, pods: new Set(), subject: undefined, isHeld: false };
    if (plan.subject === undefined) return policy;
    policy.subject = selections.acquire(plan.subject, (before, after) => {
      if (after !== undefined) select(policy, after);
      else if (before !== undefined) deselect(policy, before.id);
    });
    for (const pod of policy.subject.pods) select(policy, pod);
    return policy;
  }

  function deactivate(policy: ActivePolicy): void {
    policy.subject?.release();
    for (const id of [...policy.pods]) deselect(policy, id);
  }

  function deletePod(id: PodId): void {
    if (!known.delete(id)) return;
    selections.deletePod(id);
    namedPorts.deletePod(id);
    if (own.delete(id)) dirtyPods.add(id);
  }

  function setPod(pod: WorldPod): void {
    const old = known.get(pod.id);
    if (!isPolicyPod(pod) || (old !== undefined && old.node !== pod.node)) deletePod(pod.id);
    if (!isPolicyPod(pod)) return;
    known.set(pod.id, pod);
    // Policies that come to select it find it among the own ones.
    if (isOwn(pod)) {
      const entry = own.get(pod.id);
      if (entry === undefined) own.set(pod.id, { pod, policies: new Set() });
      else entry.pod = pod;
      dirtyPods.add(pod.id);
    }
    selections.setPod(pod);
    namedPorts.setPod(pod);
  }

  function takePods(): RuleModelChanges["pods"] {
    const changes = new Map<PodId, PodRules | undefined>();
    for (const id of dirtyPods) {
      const entry = own.get(id);
      if (entry === undefined) {
        if (taken.pods.delete(id)) changes.set(id, undefined);
        continue;
      }
      const rules = podRules(
        entry.pod,
        [...entry.policies].map(({ plan }) => plan),
      );
      if (sameJson(rules, taken.pods.get(id))) continue;
      taken.pods.set(id, rules);
      changes.set(id, rules);
    }
    dirtyPods.clear();
    return changes;
  }

  function takeDirections(): RuleModelChanges["directions"] {
    const changes = new Map<string, DirectionRules | undefined>();
    for (const id of dirtyPolicies) {
      const policy = active.get(id);
      for (const direction of DIRECTIONS) {
        const key = ruleKey(id, direction);
        const plan: DirectionPlan | undefined = policy?.isHeld ? policy.plan.directions.get(direction) : undefined;
        if (plan === undefined) {
          if (taken.directions.delete(key)) changes.set(key, undefined);
        } else if (!sameJson(plan.rules, taken.directions.get(key))) {
          taken.directions.set(key, plan.rules);
          changes.set(key, plan.rules);
        }
      }
    }
    dirtyPolicies.clear();
    return changes;
  }

  return {
    setNamespace: (namespace) => selections.setNamespace(namespace),
    deleteNamespace: (name) => selections.deleteNamespace(name),
    setPod,
    deletePod,
    setNode: (worldNode) => addressSets.setNode(worldNode),
    deleteNode: (name) => addressSets.deleteNode(name),
    setPolicy(policy) {
      const plan = compilePolicy(policy);
      const old = active.get(plan.policy);
      // The new one first: what both name is then held throughout.
      active.set(plan.policy, activate(plan));
      dirtyPolicies.add(plan.policy);
      if (old !== undefined) deactivate(old);
    },
    deletePolicy(id) {
      const old = active.get(id);
      if (old === undefined) return;
      active.delete(id);
      dirtyPolicies.add(id);
      deactivate(old);
    },
    takeChanges: () => ({
      pods: takePods(),
      directions: takeDirections(),
      addressSets: addressSets.takeChanges(),
      namedPorts: namedPorts.takeChanges(),
    }),
    podRules: (pod) => taken.pods.get(pod),
    model: () => ({
      pods: new Map(taken.pods),
      directions: new Map(taken.directions),
      addressSets: new Map(
        [...addressSets.taken].map(([id, set]) => [
          id,
          set.kind === "block" ? set : { kind: "addresses", addresses: new Set(set.addresses) },
        ]),
      ),
      namedPorts: new Map(namedPorts.taken),
    }),
    problems: () =>
      new Map(
        [...active].filter(([, { plan }]) => plan.problems.length > 0).map(([id, { plan }]) => [id, plan.problems]),
      ),
  };
}

/** Both are made by the same code: their members are in the same order. */
function sameJson(one: unknown, other: unknown): boolean {
  return other !== undefined && JSON.stringify(one) === JSON.stringify(other);
}
