/**
 * ClusterNetworkPolicy: rules in order, each with its action. A peer that is not understood closes its rule: one that
 * accepts matches nothing, any other denies all. Source: policy.networking.k8s.io/v1alpha2, "fail closed" at its peers.
 */

import { describeFieldError, type FieldError, forbidden, indexPath, required } from "#api/field-error.ts";
import type {
  ClusterNetworkPolicy,
  ClusterNetworkPolicyEgressPeer,
  ClusterNetworkPolicyPort,
  ClusterNetworkPolicyProtocol,
} from "#api/kinds/cluster-network-policy/cluster-network-policy.ts";
import { parsePrefix } from "#base/ip-address.ts";
import { type DirectionPlan, directionPlan, type PolicyPlan, type RulePlan, ruleId } from "./policy-plan.ts";
import type { Direction, PolicyId, PolicyProtocol, PolicyRule, PortMatch } from "./rule-model.ts";
import {
  type AddressSource,
  blockSource,
  nodeAddressSource,
  type PodSelection,
  podAddressSource,
  podsOfNamespaces,
} from "./selection.ts";

const ACTIONS = { Accept: "accept", Deny: "deny", Pass: "pass" } as const satisfies Record<
  string,
  PolicyRule["action"]
>;

interface Rule {
  readonly name?: string | undefined;
  readonly action: keyof typeof ACTIONS;
  readonly peers: readonly ClusterNetworkPolicyEgressPeer[];
  readonly protocols?: readonly ClusterNetworkPolicyProtocol[] | undefined;
}

export function compileClusterNetworkPolicy(policy: PolicyId, { spec }: ClusterNetworkPolicy): PolicyPlan {
  const errors: FieldError[] = [];
  const rules: Readonly<Record<Direction, readonly Rule[]>> = {
    ingress: (spec.ingress ?? []).map((rule) => ({ ...rule, peers: rule.from ?? [] })),
    egress: (spec.egress ?? []).map((rule) => ({ ...rule, peers: rule.to ?? [] })),
  };
  const directions = new Map<Direction, DirectionPlan>();
  for (const direction of ["ingress", "egress"] as const) {
    if (rules[direction].length === 0) continue;
    const plans = rules[direction].map((rule, index) => {
      const path = indexPath(`spec.${direction}`, index);
      const id = ruleId(policy, direction, { index, name: rule.name });
      return planRule(rule, { id, path, errors });
    });
    directions.set(direction, directionPlan(policy, direction, plans));
  }
  const subject = podsOf(spec.subject);
  if (subject === undefined) errors.push(required("spec.subject", "one that is not understood selects nobody"));
  return {
    policy,
    tier: spec.tier === "Admin" ? "admin" : "baseline",
    priority: spec.priority,
    subject,
    directions,
    problems: errors.map(describeFieldError),
  };
}

interface RulePlace {
  readonly id: string;
  readonly path: string;
  readonly errors: FieldError[];
}

function planRule({ action, peers, protocols = [] }: Rule, { id, path, errors }: RulePlace): RulePlan {
  const sources = peers.map((peer) => peerSources(peer));
  const ports = protocols.map(portMatch);
  const isNamedOutside = peers.some(({ domainNames }) => domainNames !== undefined);
  if (isNamedOutside) {
    errors.push(forbidden(`${path}.to`, "domainNames are not supported; such a peer matches nothing"));
  }
  const isUnderstood =
    sources.length > 0 &&
    [...sources, ...ports].every((part) => part !== undefined) &&
    (action === "Accept" || !isNamedOutside);
  if (!isUnderstood) {
    errors.push(
      required(path, `a rule that is not understood ${action === "Accept" ? "matches nothing" : "denies everything"}`),
    );
    const rule: PolicyRule =
      action === "Accept"
        ? { id, action: "accept", peers: [], ports: "any" }
        : { id, action: "deny", peers: "any", ports: "any" };
    return { sources: [], rule };
  }
  const all = sources.flatMap((source) => source ?? []);
  return {
    sources: all,
    rule: {
      id,
      action: ACTIONS[action],
      peers: [...new Set(all.map((source) => source.id))],
      ports: ports.length === 0 ? "any" : ports.filter((port) => port !== undefined),
    },
  };
}

type PodPeer = Pick<ClusterNetworkPolicyEgressPeer, "namespaces" | "pods">;

function podsOf({ namespaces, pods }: PodPeer): PodSelection | undefined {
  if (namespaces !== undefined) return podsOfNamespaces(namespaces, {});
  const { namespaceSelector, podSelector } = pods ?? {};
  if (namespaceSelector === undefined || podSelector === undefined) return undefined;
  return podsOfNamespaces(namespaceSelector, podSelector);
}

/** undefined: not understood. */
function peerSources(peer: ClusterNetworkPolicyEgressPeer): readonly AddressSource[] | undefined {
  const pods = podsOf(peer);
  if (pods !== undefined) return [podAddressSource(pods)];
  if (peer.nodes !== undefined) return [nodeAddressSource(peer.nodes)];
  if (peer.networks !== undefined) return networkSources(peer.networks);
  return peer.domainNames === undefined ? undefined : [];
}

function networkSources(networks: readonly string[]): readonly AddressSource[] | undefined {
  try {
    return networks.map((text) => blockSource(parsePrefix(text), []));
  } catch {
    // Which range is meant nobody knows: as a peer that is not understood.
    return undefined;
  }
}

/** undefined: not understood. */
function portMatch({ tcp, udp, sctp, destinationNamedPort }: ClusterNetworkPolicyProtocol): PortMatch | undefined {
  if (tcp !== undefined) return portRange("TCP", tcp.destinationPort);
  if (udp !== undefined) return portRange("UDP", udp.destinationPort);
  if (sctp !== undefined) return portRange("SCTP", sctp.destinationPort);
  if (destinationNamedPort === undefined) return undefined;
  return { kind: "named", protocol: undefined, name: destinationNamedPort };
}

function portRange(protocol: PolicyProtocol, port: ClusterNetworkPolicyPort | undefined): PortMatch | undefined {
  if (port === undefined) return { kind: "range", protocol, first: 0, last: 65535 };
  const { number, range } = port;
  if (range !== undefined) return { kind: "range", protocol, first: range.start, last: range.end };
  return number === undefined ? undefined : { kind: "range", protocol, first: number, last: number };
}
