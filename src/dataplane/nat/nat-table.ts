/**
 * The table of address translation, `inet podwire`: a fixed frame of hooks, and maps that attachments fill. A packet of
 * a new connection costs the same few look-ups whatever the number of pods and ports.
 *
 *   prerouting, output   to one of the node's addresses → hostports
 *   hostports            (address .) protocol . port → pod address . port                     @hostip_ports, @hostports
 *   postrouting          to a pod by its host port → does the source need the node's address?         @hostport_snat
 *                        from a masqueraded pod → masq-<its subnet>: elsewhere, and no multicast?             @masq
 *                        → pod-networks
 *   pod-networks         from a pod of this node to outside the pod networks          @node_pods, @pod_networks
 *                        from outside them to a pod of another node, so that its answer comes back by this node
 */
import { addressBytes, type Family, type Prefix, parsePrefix } from "#base/ip-address.ts";
import { type NftChain, PRIORITY } from "#kernel/nfnetlink/chain.ts";
import type { NftDataType } from "#kernel/nfnetlink/data-type.ts";
import type { NftOperation } from "#kernel/nfnetlink/operation.ts";
import {
  ctOriginalProtoDst,
  ctStatus,
  fibDaddrType,
  ip6Daddr,
  ip6Saddr,
  ipDaddr,
  ipSaddr,
  l4proto,
  mark,
  type Selector,
  thDport,
} from "#kernel/nfnetlink/selectors.ts";
import type { NftSet } from "#kernel/nfnetlink/set.ts";
import {
  dnatMap,
  inSet,
  jump,
  masquerade,
  matchAddressType,
  matchBits,
  matchFamily,
  matchPrefix,
  rule,
  type Statement,
  verdict,
  vmap,
} from "#kernel/nfnetlink/statements.ts";
import type { TableName } from "#kernel/nfnetlink/table.ts";

export const NAT_TABLE = { family: "inet", table: "podwire" } as const satisfies TableName;

export const FAMILIES: readonly Family[] = [4, 6];
const MULTICAST: Readonly<Record<Family, Prefix>> = { 4: parsePrefix("224.0.0.0/4"), 6: parsePrefix("ff00::/8") };
const LOOPBACK: Readonly<Record<Family, Prefix>> = { 4: parsePrefix("127.0.0.0/8"), 6: parsePrefix("::1/128") };

const FIELDS = {
  4: { name: "ip", saddr: ipSaddr, daddr: ipDaddr },
  6: { name: "ip6", saddr: ip6Saddr, daddr: ip6Daddr },
} as const;
/** The connection's destination was rewritten. include/uapi/linux/netfilter/nf_conntrack_common.h */
const IPS_DST_NAT = 1 << 5;

/** The maps of one family: names, and types as `nft` prints them. */
export function natMaps(family: Family) {
  const address: NftDataType = family === 4 ? "ipv4_addr" : "ipv6_addr";
  return {
    /** pod address → goto the chain of its subnet */
    masq: { set: `masq${family}`, key: [address], data: ["verdict"] },
    /** protocol . host port → pod address . port */
    hostPorts: { set: `hostports${family}`, key: ["inet_proto", "inet_service"], data: [address, "inet_service"] },
    /** host address . protocol . host port → pod address . port */
    hostIpPorts: {
      set: `hostip_ports${family}`,
      key: [address, "inet_proto", "inet_service"],
      data: [address, "inet_service"],
    },
    /** pod address . protocol . host port → goto the chain that rewrites the source */
    hostPortSnat: {
      set: `hostport_snat${family}`,
      key: [address, "inet_proto", "inet_service"],
      data: ["verdict"],
    },
  } as const satisfies Readonly<
    Record<string, { set: string; key: readonly NftDataType[]; data: readonly NftDataType[] }>
  >;
}

/** The sets of prefixes of one family that pod-networks.ts fills; empty on a node without a pod network of ours. */
export function podNetworkSets(family: Family) {
  const key: readonly NftDataType[] = [family === 4 ? "ipv4_addr" : "ipv6_addr"];
  const flags: NftSet["flags"] = ["interval"];
  return {
    /** All nodes' pods. */
    podNetworks: { set: `pod_networks${family}`, key, flags },
    /** This node's pods. */
    nodePods: { set: `node_pods${family}`, key, flags },
  } as const;
}

/** Creates the frame. Fails as a whole with EEXIST when the table is there. */
export function frameOperations(): readonly NftOperation[] {
  return [
    { do: "create table", table: NAT_TABLE },
    ...setOperations(),
    ...addChain({ chain: "hostports" }, FAMILIES.flatMap(hostPortRules)),
    ...addChain({ chain: POD_NETWORKS }, [
      rule(matchBits(mark, "==", KUBE_MASQUERADE_MARK, KUBE_MASQUERADE_MARK), verdict("return")),
      ...FAMILIES.flatMap(podNetworkRules),
    ]),
    ...addChain({ chain: SNAT_ALL }, [masquerade()]),
    ...addChain({ chain: "prerouting", base: { type: "nat", hook: "prerouting", priority: PRIORITY.dstnat } }, [
      rule(matchAddressType(fibDaddrType, "local"), jump("hostports")),
    ]),
    ...addChain({ chain: "output", base: { type: "nat", hook: "output", priority: PRIORITY.dstnat } }, [
      rule(matchAddressType(fibDaddrType, "local"), jump("hostports")),
    ]),
    ...addChain({ chain: "postrouting", base: { type: "nat", hook: "postrouting", priority: PRIORITY.srcnat } }, [
      ...FAMILIES.flatMap(postroutingRules),
      jump(POD_NETWORKS),
    ]),
  ];
}

/** Creates the maps and sets of the frame that are not there. */
export function setOperations(): readonly NftOperation[] {
  const sets = FAMILIES.flatMap((family) => [
    ...Object.values(natMaps(family)),
    ...Object.values(podNetworkSets(family)),
  ]);
  return sets.map((set): NftOperation => ({ do: "add set", set: { ...NAT_TABLE, ...set } }));
}

/** Chain that masquerades between pods and outside. */
export const POD_NETWORKS = "pod-networks";
/** kube-proxy marks what it masquerades itself: KUBE-MARK-MASQ, by default bit 14. */
const KUBE_MASQUERADE_MARK = 0x4000;

/** Chain that masquerades whatever comes. */
export const SNAT_ALL = "snat-all";
/** Rules in a subnet's chain: a chain with a higher use count is referred to by elements. */
export const SUBNET_CHAIN_RULES = { masq: 3, hairpin: 2 } as const;

export type SubnetChainKind = keyof typeof SUBNET_CHAIN_RULES;

/** Name of the chain for one subnet: `masq-10.1.0.0/16`. `:` is no part of a name in nft. */
export function subnetChainName(kind: SubnetChainKind, subnet: Prefix): string {
  return `${kind}-${subnet.address.replaceAll(":", "_")}/${subnet.length}`;
}

/** Creates the chain of one subnet; fails with EEXIST when it is there. */
export function subnetChainOperations(kind: SubnetChainKind, subnet: Prefix): readonly NftOperation[] {
  const { name, saddr, daddr } = FIELDS[subnet.family];
  const inPrefix = (address: Selector, prefix: Prefix): Statement =>
    rule(matchFamily(name), matchPrefix(address, "==", addressBytes(prefix.address), prefix.length));
  const rules =
    kind === "masq"
      ? [
          // ip daddr 10.1.0.0/16 return
          rule(inPrefix(daddr, subnet), verdict("return")),
          // ip daddr 224.0.0.0/4 return
          rule(inPrefix(daddr, MULTICAST[subnet.family]), verdict("return")),
          masquerade(),
        ]
      : [
          // ip saddr 10.1.0.0/16 masquerade: the answer would go to the client directly
          rule(inPrefix(saddr, subnet), masquerade()),
          // ip saddr 127.0.0.0/8 masquerade: the answer would stay in the pod
          rule(inPrefix(saddr, LOOPBACK[subnet.family]), masquerade()),
        ];
  return addChain({ chain: subnetChainName(kind, subnet) }, rules, "create chain");
}

function hostPortRules(family: Family): readonly Statement[] {
  const { hostPorts, hostIpPorts } = natMaps(family);
  const { name, daddr } = FIELDS[family];
  return [
    // dnat ip to ip daddr . meta l4proto . th dport map @hostip_ports4
    rule(matchFamily(name), dnatMap(name, [daddr, l4proto, thDport], hostIpPorts.set)),
    // dnat ip to meta l4proto . th dport map @hostports4
    rule(matchFamily(name), dnatMap(name, [l4proto, thDport], hostPorts.set)),
  ];
}

function postroutingRules(family: Family): readonly Statement[] {
  const { masq, hostPortSnat } = natMaps(family);
  const { name, saddr, daddr } = FIELDS[family];
  return [
    // ct status dnat ip daddr . meta l4proto . ct original proto-dst vmap @hostport_snat4
    rule(
      matchBits(ctStatus, "!=", IPS_DST_NAT, 0),
      matchFamily(name),
      vmap([daddr, l4proto, ctOriginalProtoDst], hostPortSnat.set),
    ),
    // ip saddr vmap @masq4
    rule(matchFamily(name), vmap([saddr], masq.set)),
  ];
}

/** As flanneld's rules, but for pods of other nodes: what only passes through this node keeps its address. */
function podNetworkRules(family: Family): readonly Statement[] {
  const { podNetworks, nodePods } = podNetworkSets(family);
  const { name, saddr, daddr } = FIELDS[family];
  const multicast = MULTICAST[family];
  return [
    // ip saddr @node_pods4 ip daddr != @pod_networks4 ip daddr != 224.0.0.0/4 masquerade fully-random
    rule(
      matchFamily(name),
      inSet([saddr], nodePods.set),
      inSet([daddr], podNetworks.set, "!="),
      matchPrefix(daddr, "!=", addressBytes(multicast.address), multicast.length),
      masquerade("fully-random"),
    ),
    // ip daddr @pod_networks4 ip daddr != @node_pods4 ip saddr != @pod_networks4 masquerade fully-random
    rule(
      matchFamily(name),
      inSet([daddr], podNetworks.set),
      inSet([daddr], nodePods.set, "!="),
      inSet([saddr], podNetworks.set, "!="),
      masquerade("fully-random"),
    ),
  ];
}

function addChain(
  chain: Pick<NftChain, "chain" | "base">,
  rules: readonly Statement[],
  verb: "add chain" | "create chain" = "add chain",
): readonly NftOperation[] {
  return [
    { do: verb, chain: { ...NAT_TABLE, ...chain } },
    ...rules.map(
      (expressions): NftOperation => ({ do: "add rule", rule: { ...NAT_TABLE, chain: chain.chain, expressions } }),
    ),
  ];
}
