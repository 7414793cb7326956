/** Which packets prove the Kubernetes network model on a cluster, and what the receiver has to see. Pure. */
import { type Family, familyOf, type IpAddress } from "#base/ip-address.ts";
import { type ClusterAccess, OUTSIDE_NAME, podName } from "#trace/cluster-access.ts";

export const CHECKS = {
  "pod-address": "every pod has the addresses that the API says",
  "address-unique": "no address is at two places",
  "pod-to-pod-same-node": "pods reach pods of their node as themselves",
  "pod-to-pod-other-node": "pods reach pods of other nodes as themselves",
  "pod-to-pod-tcp": "pods open TCP connections to pods as themselves",
  "node-to-pod": "nodes reach pods",
  "pod-to-node": "pods reach nodes, and answers come back",
  "pod-to-outside": "pods reach the outside with their node's address, and answers come back",
  "full-size": "packets of the pods' MTU pass in both directions",
  "over-size": "one byte more is refused at once",
  leaks: "no address and no veth without a pod",
} as const;
export type CheckName = keyof typeof CHECKS;

/** Who sends or receives: a namespace, with its address of one family. */
export interface Endpoint {
  readonly namespace: string;
  readonly node: string;
  readonly address: IpAddress;
}

export interface Probe {
  readonly check: CheckName;
  readonly family: Family;
  readonly protocol: "udp" | "tcp";
  readonly from: Endpoint;
  readonly to: Endpoint;
  /** Addresses of which the receiver has to see one; undefined: any. */
  readonly expectSeen: readonly IpAddress[] | undefined;
  /** The whole IP packet; undefined: small. */
  readonly bytes?: number | undefined;
  /** The sender's kernel has to refuse it with EMSGSIZE. */
  readonly expectRefused?: boolean | undefined;
}

export interface PlanOptions {
  /** Of a pod's eth0, by the name of its namespace; pods without one are left out of size checks. */
  readonly mtuBytes: ReadonlyMap<string, number>;
  /** With more pods than this, TCP and size checks take for each pod one other pod of every node. Default 24. */
  readonly allPairsUpTo?: number | undefined;
}

const DEFAULT_ALL_PAIRS = 24;

export function planProbes(
  access: ClusterAccess,
  { mtuBytes, allPairsUpTo = DEFAULT_ALL_PAIRS }: PlanOptions,
): readonly Probe[] {
  return ([4, 6] as const).flatMap((family) => {
    const pods = podEndpoints(access, family);
    const nodes = nodeEndpoints(access, family);
    const outside = outsideEndpoint(access, family);
    const some =
      pods.length <= allPairsUpTo ? pods.map((pod) => others(pods, pod)) : pods.map((pod) => onePerNode(pods, pod));
    return [
      ...pods.flatMap((from) => others(pods, from).map((to) => podToPod(family, from, to))),
      ...pods.flatMap((from, index) =>
        (some[index] ?? []).flatMap((to) => [
          { ...podToPod(family, from, to), check: "pod-to-pod-tcp", protocol: "tcp" } satisfies Probe,
          ...sizeProbes(family, from, to, mtuBytes),
        ]),
      ),
      ...nodes.flatMap((from) => pods.map((to) => plain("node-to-pod", family, from, to, undefined))),
      ...pods.flatMap((from) => nodes.map((to) => plain("pod-to-node", family, from, to, toNode(from, to, nodes)))),
      ...(outside === undefined
        ? []
        : pods.map((from) => plain("pod-to-outside", family, from, outside, nodeAddresses(access, from, family)))),
    ];
  });
}

/**
 * A pod is itself for its own node; another node may see the address of the pod's node instead, for it is no pod:
 * Flannel masquerades what leaves the pods' network.
 */
function toNode(from: Endpoint, to: Endpoint, nodes: readonly Endpoint[]): readonly IpAddress[] {
  if (from.node === to.node) return [from.address];
  return [from.address, ...nodes.filter(({ node }) => node === from.node).map(({ address }) => address)];
}

function nodeAddresses({ nodes }: ClusterAccess, { node }: Endpoint, family: Family): readonly IpAddress[] {
  const own = nodes.find(({ name }) => name === node);
  return own?.underlayAddresses.filter((address) => familyOf(address) === family) ?? [];
}

function podToPod(family: Family, from: Endpoint, to: Endpoint): Probe {
  const check = from.node === to.node ? "pod-to-pod-same-node" : "pod-to-pod-other-node";
  return plain(check, family, from, to, [from.address]);
}

function plain(check: CheckName, family: Family, from: Endpoint, to: Endpoint, expectSeen: Probe["expectSeen"]): Probe {
  return { check, family, protocol: "udp", from, to, expectSeen };
}

function sizeProbes(family: Family, from: Endpoint, to: Endpoint, mtus: ReadonlyMap<string, number>): readonly Probe[] {
  const mtu = mtus.get(from.namespace);
  if (mtu === undefined) return [];
  const probe = { ...podToPod(family, from, to), check: "full-size", bytes: mtu } satisfies Probe;
  return [probe, { ...probe, check: "over-size", bytes: mtu + 1, expectRefused: true }];
}

function podEndpoints({ pods }: ClusterAccess, family: Family): readonly Endpoint[] {
  return pods
    .filter(({ isHostNetwork, netnsPath }) => !isHostNetwork && netnsPath !== undefined)
    .flatMap((pod) =>
      pod.ips
        .filter((address) => familyOf(address) === family)
        .map((address) => ({ namespace: podName(pod), node: pod.node, address })),
    );
}

function nodeEndpoints({ nodes }: ClusterAccess, family: Family): readonly Endpoint[] {
  return nodes
    .filter(({ netnsPath }) => netnsPath !== undefined)
    .flatMap(({ name, underlayAddresses }) =>
      underlayAddresses
        .filter((address) => familyOf(address) === family)
        .slice(0, 1)
        .map((address) => ({ namespace: name, node: name, address })),
    );
}

function outsideEndpoint({ outside }: ClusterAccess, family: Family): Endpoint | undefined {
  const address = outside?.addresses.find((one) => familyOf(one) === family);
  return address && { namespace: OUTSIDE_NAME, node: OUTSIDE_NAME, address };
}

function others(pods: readonly Endpoint[], own: Endpoint): readonly Endpoint[] {
  return pods.filter((pod) => pod !== own);
}

/** The others of its node, in a ring that begins behind it. */
function nextOnNode(pods: readonly Endpoint[], own: Endpoint): readonly Endpoint[] {
  const group = pods.filter(({ node }) => node === own.node);
  const at = group.indexOf(own);
  return [...group.slice(at + 1), ...group.slice(0, at)];
}

/** The next one of its own node; of other nodes a different one for each pod, so that together they reach all. */
function onePerNode(pods: readonly Endpoint[], own: Endpoint): readonly Endpoint[] {
  const turn = pods.indexOf(own);
  const groups = Map.groupBy(
    pods.filter(({ node }) => node !== own.node),
    ({ node }) => node,
  );
  const far = [...groups.values()].flatMap((group) => group[turn % group.length] ?? []);
  return [...nextOnNode(pods, own).slice(0, 1), ...far];
}
