/** A policy test as the policy model sees it: its namespaces, pods and policies, with the addresses that pods have. Pure. */
import type { Family, IpAddress } from "#base/ip-address.ts";
import { FAMILIES } from "#dataplane/contract.ts";
import { compileRuleModel } from "#policy/compile-rule-model.ts";
import type { PolicyWorld, WorldPod } from "#policy/policy-world.ts";
import type { Flow } from "#policy/rule-model.ts";
import { createVerdicts, type Verdict } from "#policy/verdict.ts";
import { type PolicyCase, type PolicyTest, podId, type TestEndpoint, type TestPolicy } from "../policy-test.ts";
import type { Places } from "../probe-world.ts";

export function testWorld(
  { namespaces, pods }: Pick<PolicyTest, "namespaces" | "pods">,
  policies: readonly TestPolicy[],
  plan: Places,
): PolicyWorld {
  const places = new Map(plan.pods.map((pod) => [pod.id, pod]));
  const worldPods = pods.map((pod): WorldPod => {
    const id = podId(pod);
    const place = places.get(id);
    return {
      id,
      namespace: pod.namespace,
      labels: pod.labels,
      addresses: FAMILIES.flatMap((family) => place?.addresses[family] ?? []),
      node: plan.nodes[place?.node ?? -1]?.name,
      isHostNetwork: false,
      isFinished: false,
      ports: pod.ports.flatMap(({ name, port, protocol }) => (name === undefined ? [] : [{ name, port, protocol }])),
    };
  });
  const nodes = plan.nodes.map(({ name, underlay }) => ({
    name,
    labels: { "kubernetes.io/hostname": name },
    addresses: FAMILIES.flatMap((family) => underlay[family] ?? []),
  }));
  return {
    namespaces: new Map(namespaces.map((namespace) => [namespace.name, namespace])),
    pods: new Map(worldPods.map((pod) => [pod.id, pod])),
    nodes: new Map(nodes.map((node) => [node.name, node])),
    policies: new Map(policies.map(({ policy }) => [policy.id, policy])),
  };
}

/** Answers of the model for cases of the test. */
export interface TestModel {
  readonly world: PolicyWorld;
  /** Undefined where an end has no address of the family. */
  verdict(flow: CaseFlow, family: Family): Verdict | undefined;
}

export type CaseFlow = Pick<PolicyCase, "from" | "to" | "port" | "protocol">;

export function createTestModel(
  test: Pick<PolicyTest, "namespaces" | "pods">,
  policies: readonly TestPolicy[],
  plan: Places,
): TestModel {
  const world = testWorld(test, policies, plan);
  const model = compileRuleModel(world);
  const verdicts = createVerdicts(model);
  return {
    world,
    verdict(one, family) {
      const flow = flowOf(one, family, plan);
      return flow && verdicts(flow);
    },
  };
}

/** Undefined where an end has no address of the family. */
export function flowOf({ from, to, port, protocol }: CaseFlow, family: Family, plan: Places): Flow | undefined {
  const source = addressOf(from, family, plan);
  const destination = addressOf(to, family, plan);
  if (source === undefined || destination === undefined) return undefined;
  return { family, source, destination, protocol, port };
}

export function addressOf(end: TestEndpoint, family: Family, { pods }: Places): IpAddress | undefined {
  if (end.kind === "pod") return pods.find(({ id }) => id === podId(end))?.addresses[family];
  return (end.address.includes(":") ? 6 : 4) === family ? end.address : undefined;
}
