/** Why a rule does not mean a flow, in sentences: which label, namespace, range, port or protocol it was. */

import {
  compileRequirement,
  formatRequirement,
  type LabelRequirement,
  type Labels,
} from "#api/selectors/label-requirement.ts";
import { contains, formatPrefix, type IpAddress } from "#base/ip-address.ts";
import { compilePolicy } from "./compile-policy.ts";
import type { PolicyWorld, WorldPod } from "./policy-world.ts";
import type { Direction, Flow, PolicyRule, PortMatch } from "./rule-model.ts";
import type { AddressSource, PodSelection } from "./selection.ts";
import type { NearMiss } from "./verdict.ts";

interface MissedFlow {
  readonly flow: Flow;
  readonly direction: Direction;
  readonly nearest: NearMiss;
}

export function explainMiss(world: PolicyWorld, { flow, direction, nearest }: MissedFlow): readonly string[] {
  const peer = direction === "egress" ? flow.destination : flow.source;
  return nearest.misses.flatMap((miss) =>
    miss === "peer" ? explainPeer(world, { direction, nearest, peer }) : explainPort(world, nearest.rule, flow),
  );
}

/** `TCP 80, UDP 53 from pods app=web in namespace default`. */
export function describeRule({ peers, ports }: PolicyRule, direction: Direction): string {
  const what = ports === "any" ? "everything" : ports.map(describePort).join(", ");
  const who = peers === "any" ? "anybody" : peers.length === 0 ? "nobody" : peers.join(" or ");
  return `${what} ${direction === "ingress" ? "from" : "to"} ${who}`;
}

function describePort(match: PortMatch): string {
  if (match.kind === "named") {
    return `the port named "${match.name}"${match.protocol === undefined ? "" : ` (${match.protocol})`}`;
  }
  const { protocol, first, last } = match;
  if (first <= 1 && last === 65535) return `all of ${protocol}`;
  return first === last ? `${protocol} ${first}` : `${protocol} ${first}-${last}`;
}

interface MissedPeer {
  readonly direction: Direction;
  readonly nearest: NearMiss;
  readonly peer: IpAddress;
}

/** Of several peers, what the nearest one lacks. */
function explainPeer(world: PolicyWorld, { direction, nearest, peer }: MissedPeer): readonly string[] {
  const { policy, rule } = nearest;
  if (rule.peers === "any") return [];
  if (rule.peers.length === 0) return ["the rule matches nobody"];
  const object = world.policies.get(policy);
  const sources = object === undefined ? [] : (compilePolicy(object).directions.get(direction)?.sources ?? []);
  const pod = findPod(world, peer);
  const lacks = sources
    .filter(({ id }) => rule.peers.includes(id))
    .map((source) => sourceFailures(world, source, { pod, address: peer }))
    .sort((a, b) => a.length - b.length);
  return lacks[0] ?? [`${peer} is not among ${rule.peers.join(", ")}`];
}

interface Peer {
  readonly pod: WorldPod | undefined;
  readonly address: IpAddress;
}

function sourceFailures(world: PolicyWorld, source: AddressSource, { pod, address }: Peer): readonly string[] {
  const name = pod === undefined ? address : `${pod.id} (${address})`;
  switch (source.kind) {
    case "block": {
      const hole = source.except.find((part) => contains(part, address));
      if (hole !== undefined && contains(source.cidr, address))
        return [`${name} is in the exception ${formatPrefix(hole)}`];
      return [`${name} is not in ${formatPrefix(source.cidr)}`];
    }
    case "nodes":
      return [`${name} is not an address of ${source.id}`];
    case "pods":
      return pod === undefined
        ? [`${address} is no pod that a selector can mean`]
        : selectionFailures(world, source.selection, pod);
    default:
      return unreachable(source);
  }
}

/** All conditions of a selection that a pod does not meet. */
function selectionFailures(world: PolicyWorld, selection: PodSelection, pod: WorldPod): readonly string[] {
  const { namespaces, pods } = selection;
  const labels = world.namespaces.get(pod.namespace)?.labels;
  return [
    ...(namespaces.kind === "one" && namespaces.name !== pod.namespace
      ? [
          `it means pods of namespace ${namespaces.name} only, for want of a namespaceSelector, and ${pod.id} is in ${pod.namespace}`,
        ]
      : []),
    ...(namespaces.kind === "selector" && labels === undefined ? [`namespace ${pod.namespace} is not known`] : []),
    ...(namespaces.kind === "selector" && labels !== undefined
      ? failures(labels, namespaces.requirements).map((text) => `namespace ${pod.namespace} ${text}`)
      : []),
    ...failures(pod.labels, pods).map((text) => `pod ${pod.id} ${text}`),
  ];
}

function failures(labels: Labels, requirements: readonly LabelRequirement[]): readonly string[] {
  return requirements
    .filter((requirement) => !compileRequirement(requirement)(labels))
    .map((requirement) => {
      const { key, operator } = requirement;
      const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
      if (value === undefined) return `has no label ${key} (wanted: ${formatRequirement(requirement)})`;
      if (operator === "!") return `has the label ${key}=${value}, which must not be there`;
      return `has ${key}=${value} (wanted: ${formatRequirement(requirement)})`;
    });
}

function explainPort(world: PolicyWorld, { ports }: PolicyRule, flow: Flow): readonly string[] {
  if (ports === "any") return [];
  const { protocol, port, destination } = flow;
  if (protocol === "other") return ["the rule is about ports, and this protocol has none"];
  const target = findPod(world, destination);
  const named = ports.flatMap((match) => {
    if (match.kind !== "named" || (match.protocol !== undefined && match.protocol !== protocol)) return [];
    if (target === undefined) return [`${destination} is no pod, and only pods have ports with names`];
    const own = target.ports.filter(({ name, protocol: own }) => name === match.name && own === protocol);
    if (own.length === 0) return [`${target.id} has no ${protocol} port named "${match.name}"`];
    return [`${target.id} has "${match.name}" on ${own.map((one) => one.port).join(", ")}, not on ${port}`];
  });
  const ranges = ports.filter((match) => match.kind === "range");
  const ofProtocol = ranges.filter((match) => match.protocol === protocol);
  const listed = ports.map(describePort).join(", ");
  if (ofProtocol.length > 0) return [`${protocol} ${port} is not among ${listed}`, ...named];
  if (named.length > 0) return named;
  return [`the protocol is ${protocol}, and the rule means ${listed}`];
}

/** The pod that has an address and can be selected. */
function findPod(world: PolicyWorld, address: IpAddress): WorldPod | undefined {
  for (const pod of world.pods.values()) {
    if (!pod.isHostNetwork && !pod.isFinished && pod.addresses.includes(address)) return pod;
  }
  return undefined;
}

function unreachable(value: never): never {
  throw new Error(`Unknown source of addresses: ${JSON.stringify(value)}`);
}
