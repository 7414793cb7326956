/** What Services need to know of this node, from its object, the pod network and the agent's options. Pure. */
import { findPrefix } from "#api/kinds/network/address.ts";
import type { Node } from "#api/kinds/node.ts";
import { networkOf } from "#base/ip-address.ts";
import type { PodNetworks } from "#dataplane/nat/pod-networks.ts";
import type { ServiceProxyNode } from "#dataplane/services/contract.ts";
import type { ServiceNode } from "#service/choose-endpoints.ts";

const ZONE_LABEL = "topology.kubernetes.io/zone";

export function serviceNodeOf({ metadata }: Node): ServiceNode {
  return { name: metadata.name ?? "", zone: metadata.labels?.[ZONE_LABEL] };
}

/** While the pod network is unknown, its part that is this node's stands for the whole. */
export function proxyNodeOf(
  { spec }: Node,
  podNetworks: PodNetworks | undefined,
  options: Pick<ServiceProxyNode, "serviceNetworks" | "nodePortAddresses">,
): ServiceProxyNode {
  const { podCIDR = "", podCIDRs = [podCIDR] } = spec ?? {};
  const own = podCIDRs.flatMap((text) => findPrefix(text) ?? []).map(networkOf);
  return {
    podNetworks: podNetworks?.networks ?? own,
    nodePods: podNetworks?.nodePods ?? own,
    serviceNetworks: options.serviceNetworks,
    nodePortAddresses: options.nodePortAddresses,
  };
}
