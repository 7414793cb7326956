/**
 * Where the answers between two ends can change: the first ports of stretches within which all answers are the same. Only
 * rules that the two ends are asked about count, so that there are few.
 */
import type { IpAddress } from "#base/ip-address.ts";
import {
  type Direction,
  namedPortKey,
  POLICY_PROTOCOLS,
  type PodRules,
  type PolicyProtocol,
  type RuleModel,
  ruleKey,
} from "./rule-model.ts";

export const LAST_PORT = 65535;

/** Sorted; 1 is always there. */
export type PortEdges = Readonly<Record<PolicyProtocol, readonly number[]>>;

export type PortEdgesOf = (ends: { readonly source: IpAddress; readonly destination: IpAddress }) => PortEdges;

interface Edge {
  readonly protocol: PolicyProtocol;
  readonly port: number;
}

/** What one end's rules of one direction name. */
interface Named {
  readonly edges: readonly Edge[];
  /** Keys of named ports. */
  readonly portKeys: readonly string[];
}

export function createPortEdges(model: RuleModel): PortEdgesOf {
  const pods = new Map<IpAddress, PodRules>();
  for (const pod of model.pods.values()) for (const address of pod.addresses) pods.set(address, pod);
  const known = new Map<string, Named>();
  const namedTargets = new Map<string, readonly Edge[]>();
  for (const [key, targets] of model.namedPorts) {
    for (const { address, protocol, port } of targets) {
      const id = `${key} ${address}`;
      namedTargets.set(id, [...(namedTargets.get(id) ?? []), ...edgesAround(protocol, port, port)]);
    }
  }

  function namedBy(pod: PodRules | undefined, direction: Direction): Named {
    if (pod === undefined) return { edges: [], portKeys: [] };
    const id = `${pod.pod} ${direction}`;
    const found = known.get(id) ?? collect(model, pod, direction);
    known.set(id, found);
    return found;
  }

  return ({ source, destination }) => {
    const named = [namedBy(pods.get(source), "egress"), namedBy(pods.get(destination), "ingress")];
    return portEdges([
      ...named.flatMap(({ edges }) => edges),
      ...named.flatMap(({ portKeys }) => portKeys.flatMap((key) => namedTargets.get(`${key} ${destination}`) ?? [])),
    ]);
  };
}

export function mergePortEdges(one: PortEdges, other: PortEdges): PortEdges {
  const edgesOf = (edges: PortEdges) =>
    POLICY_PROTOCOLS.flatMap((protocol) => edges[protocol].map((port) => ({ protocol, port })));
  return portEdges([...edgesOf(one), ...edgesOf(other)]);
}

function collect(model: RuleModel, pod: PodRules, direction: Direction): Named {
  const { admin, network, baseline } = pod[direction];
  const rules = [...admin, ...network, ...baseline].flatMap(
    (policy) => model.directions.get(ruleKey(policy, direction))?.rules ?? [],
  );
  const ports = rules.flatMap((rule) => (rule.ports === "any" ? [] : rule.ports));
  return {
    edges: ports.flatMap((match) =>
      match.kind === "range" ? edgesAround(match.protocol, match.first, match.last) : [],
    ),
    portKeys: ports.flatMap((match) => (match.kind === "named" ? [namedPortKey(match.name, match.protocol)] : [])),
  };
}

function edgesAround(protocol: PolicyProtocol, first: number, last: number): readonly Edge[] {
  return [Math.max(first, 1), last + 1].filter((port) => port <= LAST_PORT).map((port) => ({ protocol, port }));
}

function portEdges(edges: readonly Edge[]): PortEdges {
  const ofProtocol = (wanted: PolicyProtocol): readonly number[] =>
    [...new Set([1, ...edges.flatMap(({ protocol, port }) => (protocol === wanted ? [port] : []))])].sort(
      (a, b) => a - b,
    );
  return { TCP: ofProtocol("TCP"), UDP: ofProtocol("UDP"), SCTP: ofProtocol("SCTP") };
}
