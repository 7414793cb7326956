/** A cluster for people: what `podwire up` and `podwire status` print. */
import type { ClusterStatus, ComponentStatus } from "#cluster/keeper/cluster-status.ts";
import { printTable } from "../output/print-table.ts";

export function printUp(status: ClusterStatus): string {
  const { name, nodes, network, server, kubeconfig } = status;
  const option = nameOf(name);
  const count = `${nodes.length} ${nodes.length === 1 ? "node" : "nodes"}`;
  return [
    `cluster "${name}" is up: ${count} ready, network ${network.type}, API ${server}`,
    "",
    "next:",
    `  export KUBECONFIG=${kubeconfig}`,
    "  kubectl get nodes -o wide",
    "  kubectl create deployment web --image=busybox --replicas=4 -- sleep infinity",
    `  podwire status${option}`,
    `  podwire node shell ${nodes[0]?.name ?? ""}${option}`,
    `  podwire down${option}`,
    "",
  ].join("\n");
}

export function printStatus(status: ClusterStatus): string {
  const { underlay, network, podCidrs, serviceCidrs } = status;
  const facts: Readonly<Record<string, string>> = {
    cluster: `${status.name} (${status.state})`,
    api: status.server || "-",
    kubeconfig: status.kubeconfig,
    network: network.type,
    pods: podCidrs.join(", "),
    services: serviceCidrs.join(", "),
    underlay: `${underlay.subnets.join(", ") || "-"}, this machine is ${underlay.hostAddresses.join(", ") || "-"} on ${underlay.hostLink}`,
    keeper: `pid ${status.keeperPid}`,
  };
  const width = Math.max(...Object.keys(facts).map((key) => key.length));
  const head = Object.entries(facts).map(([key, value]) => `${key.padEnd(width)}  ${value}\n`);
  const nodes = status.nodes.map((node) => [
    node.name,
    node.ready ? "Ready" : node.state === "running" ? "NotReady" : node.state,
    node.addresses.join(","),
    node.podCidrs.join(","),
    String(node.initPid ?? "-"),
    node.message ?? "",
  ]);
  const components = [
    ...status.components.map((part) => componentRow("-", part)),
    ...status.nodes.flatMap((node) => node.components.map((part) => componentRow(node.name, part))),
  ];
  return [
    ...head,
    "\n",
    printTable(["node", "status", "addresses", "pods", "init pid", "why"], nodes),
    "\n",
    printTable(["node", "component", "state", "pid", "up", "restarts", "memory"], components),
  ].join("");
}

function componentRow(node: string, part: ComponentStatus): readonly string[] {
  const { name, state, pid, uptimeSeconds, restarts, rssBytes } = part;
  const memory = rssBytes === undefined ? "-" : `${Math.round(rssBytes / 1024 / 1024)} MB`;
  return [node, name, state, String(pid ?? "-"), formatSeconds(uptimeSeconds), String(restarts), memory];
}

/** As kubectl does it, roughly: 42s, 7m5s, 3h12m, 2d4h. */
export function formatSeconds(seconds: number): string {
  const units = [
    ["d", 86_400],
    ["h", 3600],
    ["m", 60],
    ["s", 1],
  ] as const;
  const first = units.findIndex(([, size]) => seconds >= size);
  if (first < 0) return "0s";
  let rest = seconds;
  return units
    .slice(first, first + 2)
    .map(([unit, size]) => {
      const count = Math.floor(rest / size);
      rest -= count * size;
      return count === 0 ? "" : `${count}${unit}`;
    })
    .join("");
}

/** For commands that are shown; the default name needs no option. */
function nameOf(name: string): string {
  return name === "podwire" ? "" : ` --name ${name}`;
}
