/**
 * NetworkPolicy: which directions it isolates, and what it allows. It can only allow, so whatever is not understood is
 * left out of the rule. Source: Kubernetes API reference, networking.k8s.io/v1 NetworkPolicy.
 */

import { describeFieldError, type FieldError, indexPath, invalid, required } from "#api/field-error.ts";
import type { IpBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from "#api/kinds/network-policy.ts";
import { type Prefix, parsePrefix } from "#base/ip-address.ts";
import { type DirectionPlan, directionPlan, type PolicyPlan, type RulePlan, ruleId } from "./policy-plan.ts";
import type { Direction, PolicyId, PortMatch } from "./rule-model.ts";
import { type AddressSource, blockSource, podAddressSource, podsOfNamespace, podsOfNamespaces } from "./selection.ts";

interface Rule {
  readonly peers: readonly NetworkPolicyPeer[];
  readonly ports: readonly NetworkPolicyPort[];
}

export function compileNetworkPolicy(policy: PolicyId, { metadata, spec }: NetworkPolicy): PolicyPlan {
  const { namespace = "default" } = metadata;
  const errors: FieldError[] = [];
  const rules: Readonly<Record<Direction, readonly Rule[]>> = {
    ingress: (spec.ingress ?? []).map(({ from = [], ports = [] }) => ({ peers: from, ports })),
    egress: (spec.egress ?? []).map(({ to = [], ports = [] }) => ({ peers: to, ports })),
  };
  const directions = new Map<Direction, DirectionPlan>();
  for (const direction of isolatedDirections(spec)) {
    const plans = rules[direction].map((rule, index): RulePlan => {
      const path = indexPath(`spec.${direction}`, index);
      const sources = rule.peers.flatMap((peer, at) =>
        peerSources(peer, {
          namespace,
          errors,
          path: indexPath(`${path}.${direction === "ingress" ? "from" : "to"}`, at),
        }),
      );
      return {
        sources,
        rule: {
          id: ruleId(policy, direction, { index }),
          action: "accept",
          peers: rule.peers.length === 0 ? "any" : [...new Set(sources.map(({ id }) => id))],
          ports: rule.ports.length === 0 ? "any" : rule.ports.map(portMatch),
        },
      };
    });
    directions.set(direction, directionPlan(policy, direction, plans));
  }
  return {
    policy,
    tier: "network",
    priority: 0,
    subject: podsOfNamespace(namespace, spec.podSelector ?? {}),
    directions,
    problems: errors.map(describeFieldError),
  };
}

function isolatedDirections({ policyTypes = [], egress = [] }: NetworkPolicy["spec"]): readonly Direction[] {
  if (policyTypes.length === 0) return egress.length === 0 ? ["ingress"] : ["ingress", "egress"];
  return [
    ...(policyTypes.includes("Ingress") ? (["ingress"] as const) : []),
    ...(policyTypes.includes("Egress") ? (["egress"] as const) : []),
  ];
}

interface PeerPlace {
  readonly namespace: string;
  readonly path: string;
  readonly errors: FieldError[];
}

function peerSources(peer: NetworkPolicyPeer, { namespace, path, errors }: PeerPlace): readonly AddressSource[] {
  const { podSelector, namespaceSelector, ipBlock } = peer;
  if (ipBlock !== undefined) return blockSources(ipBlock, `${path}.ipBlock`, errors);
  if (namespaceSelector !== undefined) {
    return [podAddressSource(podsOfNamespaces(namespaceSelector, podSelector ?? {}))];
  }
  if (podSelector !== undefined) return [podAddressSource(podsOfNamespace(namespace, podSelector))];
  errors.push(required(path, "a peer that is not understood matches nothing"));
  return [];
}

/** A range of which a part cannot be read is left out as a whole: its exceptions would be open otherwise. */
function blockSources({ cidr, except = [] }: IpBlock, path: string, errors: FieldError[]): readonly AddressSource[] {
  const [outer, ...inner] = [cidr, ...except].map((text) => readPrefix(text, path, errors));
  const parts = inner.filter((prefix) => prefix !== undefined);
  return outer === undefined || parts.length < inner.length ? [] : [blockSource(outer, parts)];
}

function readPrefix(text: string, path: string, errors: FieldError[]): Prefix | undefined {
  try {
    return parsePrefix(text);
  } catch {
    errors.push(invalid(path, text, "it is no range of addresses, and the peer matches nothing"));
    return undefined;
  }
}

function portMatch({ protocol = "TCP", port, endPort }: NetworkPolicyPort): PortMatch {
  if (port === undefined) return { kind: "range", protocol, first: 0, last: 65535 };
  if (typeof port === "string") return { kind: "named", protocol, name: port };
  return { kind: "range", protocol, first: port, last: endPort ?? port };
}
