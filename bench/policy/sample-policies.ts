/**
 * A cluster with as many policies as a benchmark wants, and always the same 500 pods: 100 of them on the server's node.
 * Each policy selects one pod and allows one kind of client, so that a pod is selected by one policy in 500. Pure.
 */
import type { Namespace } from "#api/kinds/namespace.ts";
import type { NetworkPolicy } from "#api/kinds/network-policy.ts";
import type { Node } from "#api/kinds/node.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import { type IpAddress, parseAddress } from "#base/ip-address.ts";

export const PODS = 500;
/** Of them on the server's node. */
export const PODS_HERE = 100;
const NAMESPACES = 20;
export const POLICY_PORT = 8080;
/** iperf3's own. */
const THROUGHPUT_PORT = 5201;

/** The first two pods are namespaces; all others are data. */
export const SERVER = { namespace: "ns-0", name: "pod-0", node: 2 } as const;
export const CLIENT = { namespace: "ns-0", name: "client", node: 1 } as const;
const CLIENT_LABEL = "client";

export function sampleNamespaces(): readonly Namespace[] {
  return Array.from({ length: NAMESPACES }, (_, number) => ({
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: `ns-${number}` },
  }));
}

export function sampleNode(name: string, podCIDRs: readonly string[]): Node {
  return { apiVersion: "v1", kind: "Node", metadata: { name }, spec: { podCIDRs } };
}

export interface PlacedPod {
  readonly pod: Pod;
  readonly addresses: readonly IpAddress[];
}

/** Pods that nobody runs: those of the server's node first. */
export function otherPods(): readonly PlacedPod[] {
  return Array.from({ length: PODS - 1 }, (_, index) => {
    const number = index + 1;
    const isHere = number < PODS_HERE;
    const node = isHere ? SERVER.node : 3 + Math.floor(number / 200);
    const host = isHere ? 20 + number : 10 + (number % 200);
    const addresses = [parseAddress(`10.244.${node}.${host}`), parseAddress(`fd00:10:244:${node}::${host}`)];
    const place = { namespace: namespaceOf(number), name: `pod-${number}`, nodeName: `node-${node}` };
    return { pod: samplePod({ ...place, labels: { app: appOf(number) }, addresses }), addresses };
  });
}

export function serverPod(addresses: readonly IpAddress[]): Pod {
  const { namespace, name, node } = SERVER;
  return samplePod({ namespace, name, nodeName: `node-${node}`, labels: { app: appOf(0) }, addresses });
}

/** Allowed by the first policy, or by none. */
export function clientPod(addresses: readonly IpAddress[], isAllowed: boolean): Pod {
  const { namespace, name, node } = CLIENT;
  const labels = isAllowed ? { [CLIENT_LABEL]: kindOfClient(0) } : { [CLIENT_LABEL]: "nobody" };
  return samplePod({ namespace, name, nodeName: `node-${node}`, labels, addresses });
}

/** The first one is the server's. One that is closed is about another port. */
export function samplePolicy(number: number, isOpen = true): NetworkPolicy {
  const port = isOpen ? POLICY_PORT : POLICY_PORT + 1;
  const client = { podSelector: { matchLabels: { [CLIENT_LABEL]: kindOfClient(number) } } };
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { namespace: namespaceOf(number % PODS), name: `policy-${number}` },
    spec: {
      podSelector: { matchLabels: { app: appOf(number % PODS) } },
      policyTypes: ["Ingress"],
      ingress: [
        {
          from: [client],
          ports: [
            { protocol: "TCP", port },
            { protocol: "UDP", port },
            { protocol: "TCP", port: THROUGHPUT_PORT },
          ],
        },
      ],
    },
  };
}

export function samplePolicies(count: number): readonly NetworkPolicy[] {
  return Array.from({ length: count }, (_, number) => samplePolicy(number));
}

export function podUid({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `uid-${namespace}-${name}`;
}

interface SamplePod {
  readonly namespace: string;
  readonly name: string;
  readonly nodeName: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly addresses: readonly IpAddress[];
}

function samplePod({ namespace, name, nodeName, labels, addresses }: SamplePod): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { namespace, name, uid: podUid({ namespace, name }), labels },
    spec: { nodeName, containers: [] },
    status: { phase: "Running", podIPs: addresses.map((ip) => ({ ip })) },
  };
}

function namespaceOf(number: number): string {
  return `ns-${number % NAMESPACES}`;
}

function appOf(pod: number): string {
  return `app-${pod}`;
}

function kindOfClient(policy: number): string {
  return `policy-${policy}`;
}
