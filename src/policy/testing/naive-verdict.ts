/**
 * The rules of NetworkPolicy and ClusterNetworkPolicy, read out of the objects one after the other for one flow, with no
 * sets, no index and no code in common with the compiler: the second opinion in its tests. Slow, and meant to be read beside
 * the specification.
 */

import type { ClusterNetworkPolicy } from "#api/kinds/cluster-network-policy/cluster-network-policy.ts";
import type { NetworkPolicy } from "#api/kinds/network-policy.ts";
import type { LabelSelector } from "#api/meta/label-selector.ts";
import { contains, type IpAddress, parsePrefix } from "#base/ip-address.ts";
import type { PolicyWorld, WorldPod } from "../policy-world.ts";
import type { Flow } from "../rule-model.ts";

type Labels = WorldPod["labels"];

export function isAllowedNaively(world: PolicyWorld, flow: Flow): boolean {
  const [source, destination] = [podAt(world, flow.source), podAt(world, flow.destination)];
  if (flow.source === flow.destination) return true;
  if (source !== undefined && source === destination) return true;
  return mayLeave(world, source, flow) && mayEnter(world, destination, flow);
}

function mayLeave(world: PolicyWorld, pod: WorldPod | undefined, flow: Flow): boolean {
  return (
    pod === undefined || isOwnNode(world, pod, flow.destination) || decide(world, pod, { flow, direction: "egress" })
  );
}

function mayEnter(world: PolicyWorld, pod: WorldPod | undefined, flow: Flow): boolean {
  return pod === undefined || isOwnNode(world, pod, flow.source) || decide(world, pod, { flow, direction: "ingress" });
}

function isOwnNode(world: PolicyWorld, pod: WorldPod, address: IpAddress): boolean {
  for (const node of world.nodes.values()) if (node.name === pod.node && node.addresses.includes(address)) return true;
  return false;
}

interface Question {
  readonly flow: Flow;
  readonly direction: "ingress" | "egress";
}

function decide(world: PolicyWorld, pod: WorldPod, question: Question): boolean {
  const admin = decideTier(world, pod, { ...question, tier: "Admin" });
  if (admin !== undefined) return admin;
  const isolating = networkPolicies(world).filter(
    (policy) =>
      policy.metadata.namespace === pod.namespace &&
      selects(policy.spec.podSelector, pod.labels) &&
      isAbout(policy, question),
  );
  if (isolating.length > 0) return isolating.some((policy) => allows(world, policy, question));
  return decideTier(world, pod, { ...question, tier: "Baseline" }) ?? true;
}

function isAbout({ spec }: NetworkPolicy, { direction }: Question): boolean {
  const types = spec.policyTypes ?? [];
  if (types.length > 0) return types.includes(direction === "ingress" ? "Ingress" : "Egress");
  return direction === "ingress" || (spec.egress !== undefined && spec.egress.length > 0);
}

function allows(world: PolicyWorld, policy: NetworkPolicy, { flow, direction }: Question): boolean {
  const other = direction === "ingress" ? flow.source : flow.destination;
  const rules =
    direction === "ingress"
      ? (policy.spec.ingress ?? []).map((rule) => ({ peers: rule.from ?? [], ports: rule.ports ?? [] }))
      : (policy.spec.egress ?? []).map((rule) => ({ peers: rule.to ?? [], ports: rule.ports ?? [] }));
  return rules.some(({ peers, ports }) => {
    const isPeer =
      peers.length === 0 ||
      peers.some((peer) => {
        if (peer.ipBlock !== undefined) {
          const { cidr, except = [] } = peer.ipBlock;
          return inRange(cidr, other) && !except.some((part) => inRange(part, other));
        }
        const pod = podAt(world, other);
        if (pod === undefined) return false;
        if (peer.namespaceSelector !== undefined) {
          const namespace = world.namespaces.get(pod.namespace);
          if (namespace === undefined || !selects(peer.namespaceSelector, namespace.labels)) return false;
          return peer.podSelector === undefined || selects(peer.podSelector, pod.labels);
        }
        if (peer.podSelector === undefined) return false;
        return pod.namespace === policy.metadata.namespace && selects(peer.podSelector, pod.labels);
      });
    if (!isPeer) return false;
    if (ports.length === 0) return true;
    return ports.some(({ protocol = "TCP", port, endPort }) => {
      if (flow.protocol !== protocol || flow.port === undefined) return false;
      if (port === undefined) return true;
      if (typeof port === "string") return hasNamedPort(world, flow, port);
      return flow.port >= port && flow.port <= (endPort ?? port);
    });
  });
}

/** undefined: the tier has nothing to say. */
function decideTier(
  world: PolicyWorld,
  pod: WorldPod,
  question: Question & { readonly tier: string },
): boolean | undefined {
  const { flow, direction, tier } = question;
  const other = direction === "ingress" ? flow.source : flow.destination;
  const policies = clusterPolicies(world)
    .filter(({ spec }) => spec.tier === tier && meansPod(world, spec.subject, pod))
    .sort((a, b) => a.spec.priority - b.spec.priority || ((a.metadata.name ?? "") < (b.metadata.name ?? "") ? -1 : 1));
  for (const { spec } of policies) {
    const rules =
      direction === "ingress"
        ? (spec.ingress ?? []).map((rule) => ({ ...rule, peers: rule.from }))
        : (spec.egress ?? []).map((rule) => ({ ...rule, peers: rule.to }));
    for (const { action, peers, protocols = [] } of rules) {
      const known = peers.every((peer) => Object.values(peer).some((value) => value !== undefined));
      if (!known) {
        if (action === "Accept") continue;
        return false;
      }
      const isPeer = peers.some((peer: (typeof spec.egress & object)[number]["to"][number]) => {
        if (peer.networks !== undefined) return peer.networks.some((network) => inRange(network, other));
        if (peer.nodes !== undefined) return isNodeAddress(world, peer.nodes, other);
        const otherPod = podAt(world, other);
        return otherPod !== undefined && meansPod(world, peer, otherPod);
      });
      const isPort =
        protocols.length === 0 ||
        protocols.some(({ tcp, udp, sctp, destinationNamedPort }) => {
          if (destinationNamedPort !== undefined) return hasNamedPort(world, flow, destinationNamedPort);
          const match = { TCP: tcp, UDP: udp, SCTP: sctp, other: undefined }[flow.protocol];
          if (match === undefined || flow.port === undefined) return false;
          const { number, range } = match.destinationPort ?? {};
          if (number !== undefined) return number === flow.port;
          return range === undefined || (range.start <= flow.port && flow.port <= range.end);
        });
      if (!isPeer || !isPort) continue;
      if (action === "Pass") return undefined;
      return action === "Accept";
    }
  }
  return undefined;
}

type PodMeaning = ClusterNetworkPolicy["spec"]["subject"];

function meansPod(world: PolicyWorld, { namespaces, pods }: PodMeaning, pod: WorldPod): boolean {
  const namespace = world.namespaces.get(pod.namespace);
  if (namespace === undefined) return false;
  if (namespaces !== undefined) return selects(namespaces, namespace.labels);
  if (pods?.namespaceSelector === undefined || pods.podSelector === undefined) return false;
  return selects(pods.namespaceSelector, namespace.labels) && selects(pods.podSelector, pod.labels);
}

function isNodeAddress(world: PolicyWorld, nodes: LabelSelector, address: IpAddress): boolean {
  for (const node of world.nodes.values()) {
    if (selects(nodes, node.labels) && node.addresses.includes(address)) return true;
  }
  return false;
}

function hasNamedPort(world: PolicyWorld, flow: Flow, name: string): boolean {
  const pod = podAt(world, flow.destination);
  for (const port of pod?.ports ?? []) {
    if (port.name === name && port.protocol === flow.protocol && port.port === flow.port) return true;
  }
  return false;
}

function selects({ matchLabels = {}, matchExpressions = [] }: LabelSelector, labels: Labels): boolean {
  for (const [key, value] of Object.entries(matchLabels)) if (labels[key] !== value) return false;
  for (const { key, operator, values = [] } of matchExpressions) {
    const value = labels[key];
    if (operator === "Exists" && value === undefined) return false;
    if (operator === "DoesNotExist" && value !== undefined) return false;
    if (operator === "In" && (value === undefined || !values.includes(value))) return false;
    if (operator === "NotIn" && value !== undefined && values.includes(value)) return false;
  }
  return true;
}

function inRange(cidr: string, address: IpAddress): boolean {
  return contains(parsePrefix(cidr), address);
}

/** Neither in the node's network nor ended. */
function podAt(world: PolicyWorld, address: IpAddress): WorldPod | undefined {
  for (const pod of world.pods.values()) {
    if (pod.isHostNetwork || pod.isFinished) continue;
    if (pod.addresses.includes(address)) return pod;
  }
  return undefined;
}

function networkPolicies(world: PolicyWorld): readonly NetworkPolicy[] {
  return [...world.policies.values()].flatMap((policy) => (policy.kind === "NetworkPolicy" ? [policy.object] : []));
}

function clusterPolicies(world: PolicyWorld): readonly ClusterNetworkPolicy[] {
  return [...world.policies.values()].flatMap((policy) =>
    policy.kind === "ClusterNetworkPolicy" ? [policy.object] : [],
  );
}
