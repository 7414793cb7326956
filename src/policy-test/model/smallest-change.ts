/**
 * The smallest change of the policies that turns a verdict round: a peer or a port more in the nearest rule, a rule more,
 * a policy more, or a rule less. Each candidate is tried on the model, so what is printed does what it says. Pure.
 */
import type { NetworkPolicy, NetworkPolicyPeer } from "#api/kinds/network-policy.ts";
import { labelSelectorRequirements } from "#api/selectors/label-selector.ts";
import type { Family } from "#base/ip-address.ts";
import { networkPolicyId, type WorldPolicy } from "#policy/policy-world.ts";
import type { Direction } from "#policy/rule-model.ts";
import type { DirectionVerdict, Verdict } from "#policy/verdict.ts";
import { type PolicyCase, type PolicyTest, podId, type TestEndpoint, type TestPod } from "../policy-test.ts";
import type { Places } from "../probe-world.ts";
import { formatPeer, formatPolicy, formatPort, formatRule, indented } from "./format-policy-part.ts";
import { createTestModel } from "./test-world.ts";

type PodEndpoint = Extract<TestEndpoint, { kind: "pod" }>;

interface Change {
  readonly lines: readonly string[];
  /** The policy as it would be; undefined: it goes. */
  readonly policy: WorldPolicy;
}

interface World {
  readonly test: PolicyTest;
  readonly plan: Places;
}

/** More steps than this are no small change. */
const STEPS_MAX = 4;

/** In lines to print; undefined where none was found. */
export function smallestChange(one: PolicyCase, family: Family, { test, plan }: World): readonly string[] | undefined {
  const lines: string[] = [];
  let { policies } = test;
  for (let step = 0; step < STEPS_MAX; step++) {
    const verdict = createTestModel(test, policies, plan).verdict(one, family);
    if (verdict === undefined) return undefined;
    if (verdict.allowed === (one.expect === "allow")) return lines.length === 0 ? undefined : lines;
    const change =
      one.expect === "allow"
        ? opening(verdict, one, { test: { ...test, policies }, plan })
        : closing(verdict, one, test, policies);
    if (change === undefined) return undefined;
    lines.push(...change.lines);
    policies = replaced(policies, change.policy);
  }
  return undefined;
}

function replaced(policies: PolicyTest["policies"], policy: WorldPolicy): PolicyTest["policies"] {
  const source = policies.find((other) => other.policy.id === policy.id)?.source ?? { file: "", line: 1 };
  return [...policies.filter((other) => other.policy.id !== policy.id), { policy, source }];
}

/** What lets it through the first direction that denies it. */
function opening(verdict: Verdict, one: PolicyCase, { test }: World): Change | undefined {
  const denied = [verdict.egress, verdict.ingress].find(({ allowed }) => !allowed);
  if (denied === undefined) return undefined;
  if (denied.reason.kind !== "isolation") return undefined; // a rule that denies is somebody's decision
  const { direction, nearest, reason } = denied;
  const [own, other] = direction === "egress" ? [one.from, one.to] : [one.to, one.from];
  const peer = peerOf(other, own, test.pods);
  const isNear = nearest !== undefined && nearest.misses.length === 1;
  const policy = isNear ? findNetworkPolicy(test, nearest.policy) : mostSpecific(test, reason.policies);
  const index = isNear ? ruleIndex(nearest.rule.id) : undefined;
  const path = `spec.${direction}`;
  const peers = direction === "ingress" ? "from" : "to";
  if (policy !== undefined && index !== undefined && nearest?.misses[0] === "peer") {
    return {
      lines: [`add to ${policy.id}, ${path}[${index}].${peers}:`, ...indented(formatPeer(peer))],
      policy: changed(policy, direction, index, { peer }),
    };
  }
  if (policy !== undefined && index !== undefined) {
    return {
      lines: [`add to ${policy.id}, ${path}[${index}].ports:`, ...indented(formatPort(one))],
      policy: changed(policy, direction, index, { port: one }),
    };
  }
  const rule = formatRule(peers, peer, one);
  if (policy !== undefined) {
    return {
      lines: [`add to ${policy.id}, ${path}:`, ...indented(rule)],
      policy: changed(policy, direction, undefined, { peer, port: one }),
    };
  }
  if (own.kind !== "pod") return undefined;
  const added = newPolicy(direction, own, test.pods);
  return {
    lines: [
      `add a policy in namespace ${own.namespace}:`,
      ...indented([...formatPolicy(added), `  ${direction}:`, ...indented(indented(rule))]),
    ],
    policy: changed(added, direction, undefined, { peer, port: one }),
  };
}

/** What stops it: the rule that lets it through goes, or where none is needed, a policy comes. */
function closing(
  verdict: Verdict,
  one: PolicyCase,
  test: PolicyTest,
  policies: PolicyTest["policies"],
): Change | undefined {
  const direction = one.to.kind === "pod" ? verdict.ingress : verdict.egress;
  if (direction.reason.kind === "rule") return withoutRule(direction, direction.reason, { ...test, policies });
  const own = one.to.kind === "pod" ? one.to : one.from;
  if (own.kind !== "pod" || direction.reason.kind !== "no policy") return undefined;
  const policy = newPolicy(direction.direction, own, test.pods);
  const head = `add a policy in namespace ${own.namespace}, with rules for what shall go on:`;
  return { lines: [head, ...indented(formatPolicy(policy))], policy };
}

function withoutRule(
  { direction }: DirectionVerdict,
  { policy: id, rule }: { readonly policy: string; readonly rule: string },
  test: Pick<PolicyTest, "policies">,
): Change | undefined {
  const policy = findNetworkPolicy(test, id);
  const index = ruleIndex(rule);
  if (policy === undefined || index === undefined) return undefined;
  const { spec } = policy.object;
  const rules = (spec[direction] ?? []).filter((_, at) => at !== index);
  // Without a rule the direction stays closed only if policyTypes says so.
  const policyTypes = spec.policyTypes ?? [];
  return {
    lines: [`remove from ${policy.id}: spec.${direction}[${index}], or what in it matches this connection`],
    policy: { ...policy, object: { ...policy.object, spec: { ...spec, [direction]: rules, policyTypes } } },
  };
}

/** A policy that selects the pod by all of its labels, and allows nothing yet. */
function newPolicy(
  direction: Direction,
  { namespace, name }: PodEndpoint,
  pods: readonly TestPod[],
): WorldNetworkPolicy {
  const policyName = `${name}-${direction}`;
  const object: NetworkPolicy = {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { namespace, name: policyName },
    spec: {
      podSelector: { matchLabels: labelsOf({ kind: "pod", namespace, name }, pods) },
      policyTypes: [direction === "ingress" ? "Ingress" : "Egress"],
    },
  };
  return { kind: "NetworkPolicy", id: networkPolicyId(namespace, policyName), object };
}

/** Where a rule more opens as little as possible; undefined when all select everything. */
function mostSpecific(test: Pick<PolicyTest, "policies">, ids: readonly string[]): WorldNetworkPolicy | undefined {
  const policies = ids.flatMap((id) => findNetworkPolicy(test, id) ?? []);
  const conditions = ({ object }: WorldNetworkPolicy): number =>
    labelSelectorRequirements(object.spec.podSelector).length;
  const [first] = policies.toSorted((a, b) => conditions(b) - conditions(a));
  return first !== undefined && conditions(first) > 0 ? first : undefined;
}

type WorldNetworkPolicy = Extract<WorldPolicy, { kind: "NetworkPolicy" }>;

function changed(
  policy: WorldNetworkPolicy,
  direction: Direction,
  index: number | undefined,
  { peer, port }: { readonly peer?: NetworkPolicyPeer; readonly port?: Pick<PolicyCase, "port" | "protocol"> },
): WorldNetworkPolicy {
  const { spec } = policy.object;
  const peers = peer === undefined ? [] : [peer];
  const ports = port === undefined ? [] : [{ protocol: port.protocol, port: port.port }];
  if (direction === "ingress") {
    const rules = spec.ingress ?? [];
    const ingress =
      index === undefined
        ? [...rules, { from: peers, ports }]
        : rules.map((rule, at) =>
            at === index ? { from: [...(rule.from ?? []), ...peers], ports: [...(rule.ports ?? []), ...ports] } : rule,
          );
    return { ...policy, object: { ...policy.object, spec: { ...spec, ingress } } };
  }
  const rules = spec.egress ?? [];
  const egress =
    index === undefined
      ? [...rules, { to: peers, ports }]
      : rules.map((rule, at) =>
          at === index ? { to: [...(rule.to ?? []), ...peers], ports: [...(rule.ports ?? []), ...ports] } : rule,
        );
  return { ...policy, object: { ...policy.object, spec: { ...spec, egress } } };
}

function findNetworkPolicy(
  { policies }: Pick<PolicyTest, "policies">,
  id: string | undefined,
): WorldNetworkPolicy | undefined {
  const found = policies.find(({ policy }) => policy.id === id)?.policy;
  return found?.kind === "NetworkPolicy" ? found : undefined;
}

/** `networkpolicy/default/web ingress 0` */
function ruleIndex(id: string): number | undefined {
  const found = / (\d+)$/.exec(id)?.[1];
  return found === undefined ? undefined : Number(found);
}

function peerOf(peer: TestEndpoint, own: TestEndpoint, pods: readonly TestPod[]): NetworkPolicyPeer {
  if (peer.kind === "address") return { ipBlock: { cidr: `${peer.address}/${peer.address.includes(":") ? 128 : 32}` } };
  const podSelector = { matchLabels: labelsOf(peer, pods) };
  if (own.kind === "pod" && own.namespace === peer.namespace) return { podSelector };
  return { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": peer.namespace } }, podSelector };
}

function labelsOf(end: PodEndpoint, pods: readonly TestPod[]) {
  return pods.find((pod) => podId(pod) === podId(end))?.labels ?? {};
}
