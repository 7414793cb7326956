/**
 * Faults on a running cluster of two nodes on vxlan: what somebody does by hand in a node, in a pod or on the wire, what
 * undoes it, and how `podwire check network` has to name it. Agents that run would mend some of them within milliseconds.
 */

import type { CheckName } from "#check/plan-probes.ts";
import { runProgram } from "#cluster/program.ts";
import { portName } from "#cluster/underlay/underlay-addresses.ts";
import { type AccessPod, type ClusterAccess, podName } from "#trace/cluster-access.ts";
import type { Cause } from "#trace/path/path.ts";
import { deadline, type FaultCluster } from "./fault-cluster.ts";

export interface PlantedFault {
  readonly title: string;
  readonly cause: Cause;
  readonly check: CheckName;
  readonly hop: RegExp;
  /** In one line of the evidence. */
  readonly evidence: RegExp;
  readonly where: "first" | "second" | "underlay" | "pod";
  readonly plant: string;
  readonly mend: string;
}

export interface FaultPlaces {
  readonly first: string;
  readonly second: string;
  /** On the first node. */
  readonly pods: readonly [AccessPod, AccessPod];
  /** Pod prefixes as `10.244.0.0/24`. */
  readonly prefixes: readonly [string, string];
  readonly addresses: readonly [string, string];
  /** Of the second node's flannel.1. */
  readonly vtepMac: string;
}

export async function findPlaces(cluster: FaultCluster, access: ClusterAccess): Promise<FaultPlaces> {
  const [first = "", second = ""] = cluster.nodeNames;
  const [one, two] = [await cluster.node(first), await cluster.node(second)];
  const [pod, other] = access.pods.filter(({ node }) => node === first);
  if (pod === undefined || other === undefined) throw new Error(`node "${first}" has no two pods`);
  const vtepMac = await cluster.inNode(second, "cat /sys/class/net/flannel.1/address");
  return {
    first,
    second,
    pods: [pod, other],
    prefixes: [one.podCidrs[0] ?? "", two.podCidrs[0] ?? ""],
    addresses: [one.addresses[0] ?? "", two.addresses[0] ?? ""],
    vtepMac: vtepMac.trim(),
  };
}

/** In an order in which what one leaves in neighbour tables harms no other. */
export function plantedFaults(places: FaultPlaces): readonly PlantedFault[] {
  const { first, second, pods, prefixes, addresses, vtepMac } = places;
  const [ownPrefix, otherPrefix] = prefixes;
  const [ownAddress, otherAddress] = addresses;
  const [pod, twin] = pods;
  const port = portName(1);
  const nowhere = otherAddress.replace(/\d+$/, "99");
  const gateway = ownPrefix.replace(/\d+\/\d+$/, "1");
  const nobody = ownPrefix.replace(/\d+\/\d+$/, "199");
  const text = (value: string): string => value.replaceAll(".", "\\.");
  const tunnelRoute = (prefix: string): string =>
    `ip route replace ${prefix} via ${prefix.replace(/\/.*/, "")} dev flannel.1 onlink proto 112`;
  return [
    {
      title: "an FDB entry that leads nowhere",
      cause: "wrong FDB entry",
      check: "pod-to-pod-other-node",
      hop: new RegExp(`^${first} flannel\\.1$`),
      evidence: new RegExp(`${vtepMac} dev flannel\\.1 dst ${text(nowhere)}`),
      where: "first",
      plant: `bridge fdb replace ${vtepMac} dev flannel.1 dst ${nowhere}`,
      mend: `bridge fdb replace ${vtepMac} dev flannel.1 dst ${otherAddress}`,
    },
    {
      title: "a missing route",
      cause: "missing route",
      check: "pod-to-pod-other-node",
      hop: new RegExp(`^${first}$`),
      evidence: /default via .* dev eth0/,
      where: "first",
      plant: `ip route delete ${otherPrefix}`,
      mend: tunnelRoute(otherPrefix),
    },
    {
      title: "a port of the underlay with a smaller MTU",
      cause: "MTU hole",
      check: "full-size",
      hop: new RegExp(`^underlay ${port}$`),
      evidence: /mtu 1400/,
      where: "underlay",
      plant: `ip link set ${port} mtu 1400`,
      mend: `ip link set ${port} mtu 1500`,
    },
    {
      title: "a rule that masquerades pods on their way to pods",
      cause: "masqueraded",
      check: "pod-to-pod-other-node",
      hop: new RegExp(`^${first}$`),
      evidence: /table ip planted chain post.*masquerade/,
      where: "first",
      plant: `nft add table ip planted
nft 'add chain ip planted post { type nat hook postrouting priority 90; }'
nft add rule ip planted post ip saddr ${ownPrefix} ip daddr ${otherPrefix} masquerade`,
      mend: "nft delete table ip planted",
    },
    {
      title: "a peer without carrier",
      cause: "dead peer",
      check: "pod-to-pod-other-node",
      hop: new RegExp(`^underlay ${port}$`),
      evidence: /<DOWN/,
      where: "underlay",
      plant: `ip link set ${port} down`,
      mend: `ip link set ${port} up`,
    },
    {
      title: "a strict reverse path filter where answers leave by another link",
      cause: "rp_filter",
      check: "pod-to-pod-other-node",
      hop: new RegExp(`^${second} flannel\\.1$`),
      evidence: /rp_filter = 1/,
      where: "second",
      plant: `ip route replace ${ownPrefix} via ${ownAddress} dev eth0
echo 1 >/proc/sys/net/ipv4/conf/flannel.1/rp_filter`,
      mend: `echo 0 >/proc/sys/net/ipv4/conf/flannel.1/rp_filter
${tunnelRoute(ownPrefix)}`,
    },
    {
      title: "a firewall that drops what the node forwards",
      cause: "firewall drop",
      check: "pod-to-pod-other-node",
      hop: new RegExp(`^${second}$`),
      evidence: /table ip filter chain FORWARD: policy drop/,
      where: "second",
      plant: "iptables -P FORWARD DROP",
      mend: "iptables -P FORWARD ACCEPT; nft delete table ip filter",
    },
    {
      title: "a pod whose gateway nobody is",
      cause: "wrong gateway",
      check: "pod-to-node",
      hop: new RegExp(`^${podName(pod)} eth0$`),
      evidence: new RegExp(`default via ${text(nobody)} dev eth0`),
      where: "pod",
      plant: `ip route replace default via ${nobody}`,
      mend: `ip route replace default via ${gateway}`,
    },
    {
      title: "two pods with one address",
      cause: "duplicate address",
      check: "pod-to-pod-same-node",
      hop: new RegExp(`^${podName(pod)} eth0$`),
      evidence: new RegExp(`${podName(pod)}: ${text(twin.ips[0] ?? "")} dev eth0`),
      where: "pod",
      plant: `ip address add ${twin.ips[0]}/24 dev eth0`,
      mend: `ip address delete ${twin.ips[0]}/24 dev eth0`,
    },
    {
      title: "a bridge that is down",
      cause: "bridge down",
      check: "pod-to-pod-same-node",
      hop: new RegExp(`^${first} cni0$`),
      evidence: /cni0 <DOWN/,
      where: "first",
      plant: "ip link set cni0 down",
      mend: "ip link set cni0 up",
    },
  ];
}

export async function runWhere(
  cluster: FaultCluster,
  { first, second, pods: [{ netnsPath = "" }] }: FaultPlaces,
  where: PlantedFault["where"],
  script: string,
): Promise<void> {
  if (where === "underlay") await cluster.inUnderlay(script);
  else if (where !== "pod") await cluster.inNode(where === "first" ? first : second, script);
  else {
    const argv = ["nsenter", `--net=${netnsPath}`, "--", "sh", "-ec", script];
    const { code, stderr } = await runProgram(argv, deadline());
    if (code !== 0) throw new Error(`"${script}" ended with ${code}: ${stderr}`);
  }
}
