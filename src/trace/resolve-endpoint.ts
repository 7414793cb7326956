/** Whom people mean: a pod as `namespace/name` or `name`, a node, `outside`, or an address. Pure. */
import { AddressError, type Family, familyOf, type IpAddress, parseAddress } from "#base/ip-address.ts";
import { type ClusterAccess, OUTSIDE_NAME, podName } from "./cluster-access.ts";

export interface TraceEndpoint {
  /** Undefined for an address that no namespace of the cluster has. */
  readonly namespace: string | undefined;
  readonly addresses: readonly IpAddress[];
}

export class EndpointError extends Error {
  override readonly name = "EndpointError";
  readonly known: readonly string[];

  constructor(message: string, known: readonly string[]) {
    super(message);
    this.known = known;
  }
}

export function resolveEndpoint(access: ClusterAccess, text: string): TraceEndpoint {
  const { pods, nodes, outside } = access;
  const address = asAddress(text);
  if (address !== undefined) return byAddress(access, address);
  const [first = "", second] = text.split("/");
  const pod = pods.find(({ namespace, name }) =>
    second === undefined ? namespace === "default" && name === first : namespace === first && name === second,
  );
  const node = nodes.find(({ name }) => name === text);
  if (node !== undefined) return { namespace: node.name, addresses: node.underlayAddresses };
  if (pod !== undefined) return { namespace: pod.isHostNetwork ? pod.node : podName(pod), addresses: pod.ips };
  if (text === OUTSIDE_NAME && outside !== undefined) return { namespace: OUTSIDE_NAME, addresses: outside.addresses };
  const known = [
    ...pods.map(({ namespace, name }) => `${namespace}/${name}`),
    ...nodes.map(({ name }) => name),
    ...(outside ? [OUTSIDE_NAME] : []),
  ];
  throw new EndpointError(`Cannot find "${text}": it is no pod, no node and no address`, known);
}

/** The first family that both have. */
export function commonAddresses(
  from: TraceEndpoint,
  to: TraceEndpoint,
): { readonly source: IpAddress; readonly destination: IpAddress } | undefined {
  for (const family of [4, 6] as const) {
    const source = firstOf(from, family);
    const destination = firstOf(to, family);
    if (source !== undefined && destination !== undefined) return { source, destination };
  }
  return undefined;
}

function firstOf({ addresses }: TraceEndpoint, family: Family): IpAddress | undefined {
  return addresses.find((address) => familyOf(address) === family);
}

function byAddress({ pods, nodes, outside }: ClusterAccess, address: IpAddress): TraceEndpoint {
  const pod = pods.find(({ ips, isHostNetwork }) => !isHostNetwork && ips.includes(address));
  const node = nodes.find(({ underlayAddresses }) => underlayAddresses.includes(address));
  const namespace = pod
    ? podName(pod)
    : (node?.name ?? (outside?.addresses.includes(address) ? OUTSIDE_NAME : undefined));
  return { namespace, addresses: [address] };
}

function asAddress(text: string): IpAddress | undefined {
  try {
    return parseAddress(text);
  } catch (error) {
    if (error instanceof AddressError) return undefined;
    throw error;
  }
}
