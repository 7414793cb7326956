/**
 * A case of the suite as data, and the world of policies that it means: its pods take the places ("slots") of pods that
 * are there already, three on each of three nodes.
 */
import type { IpAddress } from "#base/ip-address.ts";
import {
  namespaceNamed,
  type PolicyWorld,
  podId,
  type WorldNamespace,
  type WorldPod,
  type WorldPolicy,
  type WorldPort,
} from "#policy/policy-world.ts";

export interface CasePod {
  readonly namespace: string;
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly ports?: readonly WorldPort[] | undefined;
}

export interface PolicyCase {
  readonly title: string;
  readonly namespaces: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** At most as many as there are slots. */
  readonly pods: readonly CasePod[];
  readonly policies: readonly WorldPolicy[];
}

export interface Slot {
  readonly node: string;
  readonly addresses: readonly IpAddress[];
}

export interface NodeSlot {
  readonly name: string;
  readonly addresses: readonly IpAddress[];
}

export function worldOfCase(
  { namespaces, pods, policies }: PolicyCase,
  slots: readonly Slot[],
  nodes: readonly NodeSlot[],
): PolicyWorld {
  if (pods.length > slots.length)
    throw new RangeError(`Cannot place ${pods.length} pods: there are ${slots.length} slots`);
  return {
    namespaces: new Map(
      Object.entries(namespaces).map(([name, labels]): [string, WorldNamespace] => [
        name,
        namespaceNamed(name, labels),
      ]),
    ),
    pods: new Map(
      pods.map((pod, index): [string, WorldPod] => {
        const id = podId(pod.namespace, pod.name);
        return [
          id,
          {
            id,
            namespace: pod.namespace,
            labels: pod.labels ?? {},
            addresses: slots[index]?.addresses ?? [],
            node: slots[index]?.node,
            isHostNetwork: false,
            isFinished: false,
            ports: pod.ports ?? [],
          },
        ];
      }),
    ),
    nodes: new Map(
      nodes.map(({ name, addresses }) => [name, { name, labels: { "kubernetes.io/hostname": name }, addresses }]),
    ),
    policies: new Map(policies.map((policy) => [policy.id, policy])),
  };
}
