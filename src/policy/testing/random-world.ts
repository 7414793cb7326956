/**
 * Random worlds for property tests and for the fuzz on the kernel: few names, labels and ports, so that selectors hit,
 * miss and overlap all the time. `size` bounds them, so that a kernel can keep up.
 */
import fc from "fast-check";
import type { ClusterNetworkPolicy } from "#api/kinds/cluster-network-policy/cluster-network-policy.ts";
import type { NetworkPolicy } from "#api/kinds/network-policy.ts";
import type { LabelSelector } from "#api/meta/label-selector.ts";
import type { IpAddress } from "#base/ip-address.ts";
import { parseAddress } from "#base/ip-address.ts";
import {
  namespaceNamed,
  type PolicyWorld,
  podId,
  type WorldNamespace,
  type WorldNode,
  type WorldPod,
  type WorldPolicy,
  worldClusterNetworkPolicy,
  worldNetworkPolicy,
} from "../policy-world.ts";
import { type Flow, POLICY_PROTOCOLS } from "../rule-model.ts";

export const RANDOM_NAMESPACES = ["red", "blue", "green"] as const;
export const RANDOM_PODS = ["a", "b", "c"] as const;
export const RANDOM_NODES = ["n1", "n2", "n3"] as const;
/** Ports that rules name are among these, and so are those of flows. */
export const RANDOM_PORTS = [79, 80, 81, 8079, 8080, 8081, 8090, 8091] as const;
/** Addresses that no pod has: in and beside the ranges that rules name. */
export const RANDOM_OUTSIDE = ["192.0.2.10", "192.0.2.130", "198.51.100.20", "2001:db8:a::10", "2001:db8:b::20"].map(
  parseAddress,
);
const KEYS = ["app", "tier"] as const;
const VALUES = ["x", "y"] as const;
const PORT_NAMES = ["http", "dns"] as const;
const RANGES: readonly { readonly cidr: string; readonly except: readonly string[] }[] = [
  { cidr: "0.0.0.0/0", except: ["192.0.2.0/24", "10.244.0.0/16"] },
  { cidr: "192.0.2.0/24", except: ["192.0.2.128/25"] },
  { cidr: "198.51.100.0/24", except: ["198.51.100.20/32"] },
  // Pods have addresses in here.
  { cidr: "10.244.0.0/16", except: ["10.244.1.0/24"] },
  { cidr: "::/0", except: ["2001:db8:a::/48"] },
  { cidr: "2001:db8::/32", except: ["2001:db8:b::/48"] },
  { cidr: "fd00:10:244::/56", except: ["fd00:10:244:1::/64"] },
];

export interface RandomWorldOptions {
  readonly maxPolicies?: number;
  /** Pods without an address, ended ones and those in the node's network as well. */
  readonly hasOddPods?: boolean;
}

const labels = fc.dictionary(fc.constantFrom(...KEYS), fc.constantFrom(...VALUES), { noNullPrototype: true });
const protocol = fc.constantFrom(...POLICY_PROTOCOLS);
const portNumber = fc.constantFrom(...RANDOM_PORTS);

const expression = fc.oneof(
  fc.record({
    key: fc.constantFrom(...KEYS),
    operator: fc.constantFrom("In" as const, "NotIn" as const),
    values: fc.subarray([...VALUES], { minLength: 1 }),
  }),
  fc.record({ key: fc.constantFrom(...KEYS), operator: fc.constantFrom("Exists" as const, "DoesNotExist" as const) }),
);

export const labelSelectors: fc.Arbitrary<LabelSelector> = fc.oneof(
  fc.constant({}),
  fc.record({ matchLabels: labels }),
  fc.record({ matchExpressions: fc.array(expression, { maxLength: 2 }) }),
  fc.record({ matchLabels: labels, matchExpressions: fc.array(expression, { maxLength: 1 }) }),
);

const namespaceSelectors: fc.Arbitrary<LabelSelector> = fc.oneof(
  labelSelectors,
  fc.constantFrom(...RANDOM_NAMESPACES).map((name) => ({ matchLabels: { "kubernetes.io/metadata.name": name } })),
);

const block = fc
  .record({ range: fc.constantFrom(...RANGES), isWhole: fc.boolean() })
  .map(({ range: { cidr, except }, isWhole }) => (isWhole ? { cidr } : { cidr, except }));

const peer = fc.oneof(
  fc.record({ podSelector: labelSelectors }),
  fc.record({ namespaceSelector: namespaceSelectors }),
  fc.record({ namespaceSelector: namespaceSelectors, podSelector: labelSelectors }),
  fc.record({ ipBlock: block }),
);

const rulePort = fc.oneof(
  fc.record({ protocol }),
  fc.record({ protocol, port: portNumber }),
  fc.record({ protocol, port: fc.constantFrom(...PORT_NAMES) }),
  fc
    .record({ protocol, from: portNumber, to: portNumber })
    .map(({ protocol, from, to }) => ({ protocol, port: Math.min(from, to), endPort: Math.max(from, to) })),
);

const ingressRule = fc.record({ from: fc.array(peer, { maxLength: 2 }), ports: fc.array(rulePort, { maxLength: 2 }) });
const egressRule = fc.record({ to: fc.array(peer, { maxLength: 2 }), ports: fc.array(rulePort, { maxLength: 2 }) });

const networkPolicySpec: fc.Arbitrary<NetworkPolicy["spec"]> = fc.record(
  {
    podSelector: labelSelectors,
    ingress: fc.array(ingressRule, { maxLength: 2 }),
    egress: fc.array(egressRule, { maxLength: 2 }),
    policyTypes: fc.subarray(["Ingress" as const, "Egress" as const], { minLength: 1 }),
  },
  { requiredKeys: ["podSelector"] },
);

export const networkPolicies: fc.Arbitrary<NetworkPolicy> = fc.record({
  apiVersion: fc.constant("networking.k8s.io/v1"),
  kind: fc.constant("NetworkPolicy"),
  metadata: fc.record({
    name: fc.constantFrom("p1", "p2", "p3"),
    namespace: fc.constantFrom(...RANDOM_NAMESPACES),
  }),
  spec: networkPolicySpec,
});

const podPeer = fc.oneof(
  fc.record({ namespaces: namespaceSelectors }),
  fc.record({ pods: fc.record({ namespaceSelector: namespaceSelectors, podSelector: labelSelectors }) }),
);
const clusterEgressPeer = fc.oneof(
  podPeer,
  fc.record({
    networks: fc.array(
      fc.constantFrom(...RANGES).map(({ cidr }) => cidr),
      { minLength: 1, maxLength: 2 },
    ),
  }),
  fc.record({ nodes: labelSelectors }),
);
const destinationPort = fc.oneof(
  portNumber.map((number) => ({ destinationPort: { number } })),
  fc.constant({ destinationPort: { range: { start: 80, end: 8080 } } }),
);
const clusterProtocol = fc.oneof(
  destinationPort.map((tcp) => ({ tcp })),
  destinationPort.map((udp) => ({ udp })),
  destinationPort.map((sctp) => ({ sctp })),
  fc.constantFrom(...PORT_NAMES).map((destinationNamedPort) => ({ destinationNamedPort })),
);
const clusterRule = {
  action: fc.constantFrom("Accept" as const, "Deny" as const, "Pass" as const),
  protocols: fc.array(clusterProtocol, { maxLength: 2 }),
};

export const clusterNetworkPolicies: fc.Arbitrary<ClusterNetworkPolicy> = fc.record({
  apiVersion: fc.constant("policy.networking.k8s.io/v1alpha2"),
  kind: fc.constant("ClusterNetworkPolicy"),
  metadata: fc.record({ name: fc.constantFrom("c1", "c2", "c3") }),
  spec: fc.record({
    tier: fc.constantFrom("Admin" as const, "Baseline" as const),
    priority: fc.constantFrom(0, 1, 2),
    subject: podPeer,
    ingress: fc.array(fc.record({ ...clusterRule, from: fc.array(podPeer, { minLength: 1, maxLength: 2 }) }), {
      maxLength: 2,
    }),
    egress: fc.array(fc.record({ ...clusterRule, to: fc.array(clusterEgressPeer, { minLength: 1, maxLength: 2 }) }), {
      maxLength: 2,
    }),
  }),
});

export const worldPolicies: fc.Arbitrary<WorldPolicy> = fc.oneof(
  { weight: 3, arbitrary: networkPolicies.map(worldNetworkPolicy) },
  { weight: 1, arbitrary: clusterNetworkPolicies.map(worldClusterNetworkPolicy) },
);

export const worldNamespaces: fc.Arbitrary<WorldNamespace> = fc
  .tuple(fc.constantFrom(...RANDOM_NAMESPACES), labels)
  .map(([name, own]) => namespaceNamed(name, own));

const namedPorts = fc.uniqueArray(
  fc.record({ name: fc.constantFrom(...PORT_NAMES), protocol, port: fc.constantFrom(80, 8080, 8090) }),
  { maxLength: 2, selector: ({ name }) => name },
);

/** `number` gives the pod its addresses. */
export function worldPods({ hasOddPods = true }: RandomWorldOptions = {}): fc.Arbitrary<WorldPod> {
  return fc
    .record({
      namespace: fc.nat(RANDOM_NAMESPACES.length - 1),
      name: fc.nat(RANDOM_PODS.length - 1),
      labels,
      node: fc.nat(RANDOM_NODES.length - 1),
      ports: namedPorts,
      state: hasOddPods
        ? fc.oneof(
            { weight: 8, arbitrary: fc.constant("running" as const) },
            { weight: 1, arbitrary: fc.constantFrom("ended" as const, "host" as const, "new" as const) },
          )
        : fc.constant("running" as const),
    })
    .map(({ namespace, name, node, state, ...pod }) => {
      const home = RANDOM_NAMESPACES[namespace] ?? "";
      const nodeName = RANDOM_NODES[node];
      return {
        ...pod,
        id: podId(home, RANDOM_PODS[name] ?? ""),
        namespace: home,
        node: nodeName,
        addresses:
          state === "new"
            ? []
            : state === "host"
              ? nodeAddresses(node)
              : podAddresses(node, namespace * RANDOM_PODS.length + name),
        isHostNetwork: state === "host",
        isFinished: state === "ended",
      };
    });
}

export const worldNodes: fc.Arbitrary<WorldNode> = fc
  .tuple(fc.nat(RANDOM_NODES.length - 1), labels)
  .map(([node, own]) => ({ name: RANDOM_NODES[node] ?? "", labels: own, addresses: nodeAddresses(node) }));

export function randomWorlds(options: RandomWorldOptions = {}): fc.Arbitrary<PolicyWorld> {
  const { maxPolicies = 6 } = options;
  return fc
    .record({
      namespaces: fc.tuple(...RANDOM_NAMESPACES.map((name) => labels.map((own) => namespaceNamed(name, own)))),
      pods: fc.uniqueArray(worldPods(options), { minLength: 2, maxLength: 9, selector: ({ id }) => id }),
      nodes: fc.tuple(
        ...RANDOM_NODES.map((name, index) =>
          labels.map((own) => ({ name, labels: own, addresses: nodeAddresses(index) })),
        ),
      ),
      policies: fc.array(worldPolicies, { maxLength: maxPolicies }),
    })
    .map(({ namespaces, pods, nodes, policies }) => ({
      namespaces: new Map(namespaces.map((namespace) => [namespace.name, namespace])),
      pods: new Map(pods.map((pod) => [pod.id, pod])),
      nodes: new Map(nodes.map((node) => [node.name, node])),
      policies: new Map(policies.map((policy) => [policy.id, policy])),
    }));
}

/** Every pair of addresses that matters, on some ports. */
export function flowsOfWorld(world: PolicyWorld, ports: readonly number[] = RANDOM_PORTS): readonly Flow[] {
  const addresses = [
    ...new Set([...[...world.pods.values()].flatMap((pod) => pod.addresses), ...nodesOf(world), ...RANDOM_OUTSIDE]),
  ];
  return addresses.flatMap((source) =>
    addresses
      .filter((destination) => destination.includes(":") === source.includes(":"))
      .flatMap((destination) => {
        const ends = { family: source.includes(":") ? 6 : 4, source, destination } as const;
        return [
          ...ports.flatMap((port) => POLICY_PROTOCOLS.map((protocol): Flow => ({ ...ends, protocol, port }))),
          { ...ends, protocol: "other" as const },
        ];
      }),
  );
}

function nodesOf(world: PolicyWorld): readonly IpAddress[] {
  return [...world.nodes.values()].flatMap(({ addresses }) => addresses);
}

function nodeAddresses(node: number): readonly IpAddress[] {
  return [parseAddress(`172.18.0.${node + 2}`), parseAddress(`fd00:172:18::${node + 2}`)];
}

function podAddresses(node: number, pod: number): readonly IpAddress[] {
  return [parseAddress(`10.244.${node}.${pod + 10}`), parseAddress(`fd00:10:244:${node}::${(pod + 10).toString(16)}`)];
}
