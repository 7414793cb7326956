/**
 * How much of everything that pods bring a node has now, for tests of leaks: counted by the node's own tools, in files
 * and in the kernel.
 */
import { globSync, readFileSync } from "node:fs";
import type { FaultCluster } from "./fault-cluster.ts";

export type NodeCounts = Readonly<Record<string, number>>;

const COUNTS: Readonly<Record<string, string>> = {
  links: "ip -o link | wc -l",
  addresses: "ip -o address show scope global | wc -l",
  routes: "ip route show table all | grep -v -e broadcast -e '^local' | wc -l",
  "IPAM reservations": "find /var/lib/cni/networks -type f -name '*.*.*.*' | wc -l",
  "CNI results": "find /var/lib/cni/results /var/lib/cni/flannel -type f 2>/dev/null | wc -l",
  "attachments in the ledger": `podwire agent status -o json | grep -c '"containerId"' || true`,
  "network namespaces": "ls /run/netns | wc -l",
  mounts: "wc -l </proc/self/mountinfo",
  "containers of containerd": "ctr -n k8s.io containers ls -q | wc -l",
  "tasks of containerd": "ctr -n k8s.io tasks ls -q | wc -l",
  snapshots: "ctr -n k8s.io snapshots ls | wc -l",
  shims: "ps -A -o comm= | grep -c '^containerd-shim' || true",
  processes: "ps -A -o comm= | grep -v -x -e ps -e sh -e grep -e wc -e runc | wc -l",
  "pod folders": "ls /var/lib/kubelet/pods | wc -l",
  "log folders": "ls /var/log/pods | wc -l",
  "container log links": "ls /var/log/containers 2>/dev/null | wc -l",
  "elements of masquerade and host ports": "nft -j list table inet podwire | tr ',' '\\n' | grep -c comment || true",
};

export async function countNode(cluster: FaultCluster, node: string): Promise<NodeCounts> {
  const script = Object.values(COUNTS).join("\n");
  const values = (await cluster.inNode(node, `set +e\nPATH=$PATH:/opt/cni/bin/.podwire\n${script}`)).trim().split("\n");
  const { initPid } = await cluster.node(node);
  return {
    ...Object.fromEntries(Object.keys(COUNTS).map((name, index) => [name, Number(values[index])])),
    "control groups": controlGroups(initPid),
  };
}

/** Below the node's own, whatever hierarchy they are in. */
function controlGroups(initPid: number): number {
  const own = readFileSync(`/proc/${initPid}/cgroup`, "utf8").match(/\/podwire-[^/\n]+/)?.[0];
  return own === undefined ? -1 : globSync(`/sys/fs/cgroup/**${own}/**/`).length;
}

export async function countCluster(cluster: FaultCluster): Promise<Readonly<Record<string, NodeCounts>>> {
  const counts: Record<string, NodeCounts> = {};
  for (const node of cluster.nodeNames) counts[node] = await countNode(cluster, node);
  return counts;
}
