/**
 * Who is where in the throw-away cluster, and under which addresses. Pods have those of a common cluster network, so that
 * ipBlocks in policies mean what they mean elsewhere; the wire between the nodes is where RFC 2544 has its benchmarks.
 * Pure.
 */
import {
  addressToBigInt,
  bigIntToAddress,
  contains,
  type Family,
  familyOf,
  formatPrefix,
  type IpAddress,
  type Prefix,
  parsePrefix,
} from "#base/ip-address.ts";
import { formatMacAddress, type MacAddress } from "#base/mac-address.ts";
import { FAMILIES } from "#dataplane/contract.ts";
import type { PodId } from "#policy/rule-model.ts";
import { outsideAddresses } from "../file/resolve-test.ts";
import { type PolicyTest, podId } from "../policy-test.ts";
import { PolicyTestError } from "../policy-test-error.ts";

export const POD_NETWORKS: Readonly<Record<Family, Prefix>> = {
  4: parsePrefix("10.244.0.0/16"),
  6: parsePrefix("fd00:10:244::/48"),
};
export const UNDERLAY: Readonly<Record<Family, Prefix>> = {
  4: parsePrefix("198.19.255.0/24"),
  6: parsePrefix("fd00:198:19:255::/64"),
};
const OUTSIDE_HOST = 254;
const FIRST_POD_HOST = 10;
const MAX_PODS_PER_NODE = 200;

export interface PlannedPod {
  readonly id: PodId;
  /** From 0. */
  readonly node: number;
  /** Of all families, whether the test uses them or not: a pod is as in a cluster. */
  readonly addresses: Readonly<Record<Family, IpAddress>>;
  readonly mac: MacAddress;
  /** The node's end of its pair of links. */
  readonly link: string;
}

export interface PlannedNode {
  readonly name: string;
  readonly podPrefixes: Readonly<Record<Family, Prefix>>;
  readonly gateways: Readonly<Record<Family, IpAddress>>;
  readonly underlay: Readonly<Record<Family, IpAddress>>;
}

export interface SandboxPlan {
  readonly nodes: readonly PlannedNode[];
  readonly pods: readonly PlannedPod[];
  /** The place outside, and who is there. */
  readonly outside: {
    readonly underlay: Readonly<Record<Family, IpAddress>>;
    readonly addresses: readonly IpAddress[];
  };
}

/** Throws PolicyTestError for what has no place. */
export function planSandbox({ nodes, pods, cases }: Pick<PolicyTest, "nodes" | "pods" | "cases">): SandboxPlan {
  const perNode = Array.from({ length: nodes }, () => 0);
  const planned = pods.map((pod, index): PlannedPod => {
    const node = pod.node === undefined ? index % nodes : pod.node - 1;
    const place = perNode[node] ?? 0;
    perNode[node] = place + 1;
    if (place >= MAX_PODS_PER_NODE) {
      throw new PolicyTestError("file", `Cannot place ${pods.length} pods: a node has room for ${MAX_PODS_PER_NODE}`, {
        next: "give the test more nodes",
      });
    }
    return planPod(podId(pod), node, FIRST_POD_HOST + place, index);
  });
  const addresses = FAMILIES.flatMap((family) => outsideAddresses(cases, family));
  for (const address of addresses) requireOutside(address);
  return {
    nodes: perNode.map((_, index) => planNode(index)),
    pods: planned,
    outside: { underlay: underlayAddresses(OUTSIDE_HOST), addresses },
  };
}

function planNode(index: number): PlannedNode {
  return {
    name: `node-${index + 1}`,
    podPrefixes: { 4: podPrefix(4, index), 6: podPrefix(6, index) },
    gateways: { 4: hostOf(podPrefix(4, index), 1), 6: hostOf(podPrefix(6, index), 1) },
    underlay: underlayAddresses(index + 1),
  };
}

function planPod(id: PodId, node: number, host: number, index: number): PlannedPod {
  return {
    id,
    node,
    addresses: { 4: hostOf(podPrefix(4, node), host), 6: hostOf(podPrefix(6, node), host) },
    // Locally administered: 02:50, and which node and pod it is.
    mac: formatMacAddress(Uint8Array.of(0x02, 0x50, 0, node + 1, 0, host)),
    link: `veth${index + 1}`,
  };
}

/** Whether it can be an address of somebody outside of the cluster. */
export function isOutside(address: IpAddress): boolean {
  return ownNetwork(address) === undefined;
}

function ownNetwork(address: IpAddress): Prefix | undefined {
  const family = familyOf(address);
  return [POD_NETWORKS[family], UNDERLAY[family]].find((prefix) => contains(prefix, address));
}

function requireOutside(address: IpAddress): void {
  const taken = ownNetwork(address);
  if (taken === undefined) return;
  throw new PolicyTestError(
    "file",
    `Cannot place ${address} outside of the cluster: ${formatPrefix(taken)} is its own network`,
    {
      next: "name a pod, or an address of another network",
    },
  );
}

/** 10.244.1.0/24 and fd00:10:244:1::/64 are the first node's. */
function podPrefix(family: Family, node: number): Prefix {
  const length = family === 4 ? 24 : 64;
  const size = 1n << BigInt((family === 4 ? 32 : 128) - length);
  const address = bigIntToAddress(family, addressToBigInt(POD_NETWORKS[family].address) + BigInt(node + 1) * size);
  return { family, address, length };
}

function underlayAddresses(host: number): Readonly<Record<Family, IpAddress>> {
  return { 4: hostOf(UNDERLAY[4], host), 6: hostOf(UNDERLAY[6], host) };
}

/** Host numbers read the same in both families: `.10` and `::10`. */
function hostOf({ family, address }: Prefix, host: number): IpAddress {
  const number = family === 4 ? host : Number.parseInt(String(host), 16);
  return bigIntToAddress(family, addressToBigInt(address) + BigInt(number));
}
