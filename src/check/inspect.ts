/**
 * What needs no packet: addresses of pods in the API and in the kernel, addresses at two places, and what is left of pods
 * that are gone. Pure. Each finding comes with what was looked at, so that nothing looked at is no success.
 */
import type { IpAddress } from "#base/ip-address.ts";
import { type AccessNode, type AccessPod, type ClusterAccess, podName } from "#trace/cluster-access.ts";
import { findLinkByIndex, type NamespaceFacts, type WorldFacts } from "#trace/facts/world-facts.ts";
import type { Cause } from "#trace/path/path.ts";
import { isLinkLocal } from "./link-local.ts";

export interface Inspection {
  /** How many things were looked at. */
  readonly looked: number;
  readonly findings: readonly Finding[];
}

export interface Finding {
  readonly cause: Cause;
  readonly hop: string;
  readonly message: string;
  readonly evidence: readonly string[];
}

/** Addresses of a namespace that others may send to. */
function globalAddresses({ addresses, links }: NamespaceFacts): readonly IpAddress[] {
  return addresses
    .filter(
      ({ ifindex, prefix }) =>
        links.find((link) => link.ifindex === ifindex)?.name !== "lo" && !isLinkLocal(prefix.address),
    )
    .map(({ prefix }) => prefix.address);
}

export function inspectPodAddresses(access: ClusterAccess, world: WorldFacts): Inspection {
  return { looked: access.pods.length, findings: access.pods.flatMap((pod) => inspectPod(access, world, pod) ?? []) };
}

function inspectPod({ nodes, pods }: ClusterAccess, world: WorldFacts, pod: AccessPod): Finding | undefined {
  const hop = podName(pod);
  const node = nodes.find(({ name }) => name === pod.node);
  if (node?.netnsPath === undefined) {
    const evidence = [`${hop}: spec.nodeName: ${pod.node}`];
    return { cause: "dead peer", hop: pod.node, message: `the node of ${hop} does not run`, evidence };
  }
  if (pod.ips.length === 0) {
    return {
      cause: "missing address",
      hop,
      message: "it has no address in its status",
      evidence: ["status.podIPs: none"],
    };
  }
  const name = pod.isHostNetwork ? pod.node : hop;
  const facts = world.namespaces.get(name);
  if (facts === undefined) {
    const evidence = [world.missing.get(name) ?? "it has no sandbox"];
    return { cause: "not read", hop, message: "its namespace could not be read", evidence };
  }
  const kernel = globalAddresses(facts);
  const evidence = [`status.podIPs: ${pod.ips.join(", ")}`, `${name}: ip address: ${kernel.join(", ") || "none"}`];
  const lacking = pod.ips.filter((ip) => !kernel.includes(ip));
  // A node has addresses of its own besides.
  const strange = pod.isHostNetwork ? [] : kernel.filter((ip) => !pod.ips.includes(ip));
  const differ = [...lacking, ...strange].join(", ");
  if (differ === "") return undefined;
  const isOthers = strange.some((ip) => pods.some((other) => other !== pod && other.ips.includes(ip)));
  const cause = isOthers ? "duplicate address" : "missing address";
  return { cause, hop, message: `its own addresses are not those of the API: ${differ}`, evidence };
}

export function inspectDuplicates({ pods }: ClusterAccess, world: WorldFacts): Inspection {
  const places = new Map<IpAddress, Set<string>>();
  const add = (address: IpAddress, place: string) => places.set(address, (places.get(address) ?? new Set()).add(place));
  for (const pod of pods) if (!pod.isHostNetwork) for (const ip of pod.ips) add(ip, podName(pod));
  for (const facts of world.namespaces.values()) for (const address of globalAddresses(facts)) add(address, facts.name);
  const findings = [...places].flatMap(([address, names]): readonly Finding[] =>
    names.size < 2
      ? []
      : [
          {
            cause: "duplicate address",
            hop: [...names].join(", "),
            message: `${address} is at ${names.size} places: ${[...names].join(", ")}`,
            evidence: [...names].map((name) => `${name}: ${describeAddress(world.namespaces.get(name), address)}`),
          },
        ],
  );
  return { looked: places.size, findings };
}

/** Addresses that a node has given out, records of its agent, and veths on it, that belong to no pod. */
export function inspectLeaks(access: ClusterAccess, world: WorldFacts): Inspection {
  let looked = 0;
  const findings: Finding[] = [];
  for (const node of access.nodes) {
    const containers = leakedContainers(access, node);
    const links = leakedLinks(world, node);
    looked += containers.looked + links.looked;
    findings.push(...containers.findings, ...links.findings);
  }
  return { looked, findings };
}

function leakedContainers({ pods }: ClusterAccess, node: AccessNode): Inspection {
  const { attachments = [], records = [], sandboxIds } = node;
  const own = pods.filter((pod) => pod.node === node.name && !pod.isHostNetwork);
  const reserved = attachments
    .filter(({ addresses }) => !own.some((pod) => addresses.some((address) => pod.ips.includes(address))))
    .map(({ containerId, ifname, addresses, pod }) => ({
      containerId,
      message: `${addresses.join(", ")} is given out to no pod that there is`,
      evidence: `host-local: container ${containerId} ${ifname} ${pod ?? ""}`.trimEnd(),
    }));
  const recorded = records
    .filter(({ containerId }) => sandboxIds !== undefined && !sandboxIds.has(containerId))
    .map(({ containerId, ifname, network }) => ({
      containerId,
      message: `the agent has a record of container ${containerId}, which the runtime does not know`,
      evidence: `ledger: network ${network} container ${containerId} ${ifname}`,
    }));
  const unknown = [...reserved, ...recorded];
  // A pod that is being made has its address before the API and the runtime tell of it.
  const starting = own.filter(({ ips }) => ips.length === 0).length;
  const isExplained = new Set(unknown.map(({ containerId }) => containerId)).size <= starting;
  return {
    looked: attachments.length + records.length,
    findings: (isExplained ? [] : unknown).map(({ message, evidence }) => ({
      cause: "leak",
      hop: node.name,
      message,
      evidence: [evidence],
    })),
  };
}

function leakedLinks(world: WorldFacts, { name }: AccessNode): Inspection {
  const facts = world.namespaces.get(name);
  const veths = (facts?.links ?? []).filter((link) => link.kind?.type === "veth" && link.name !== "eth0");
  const findings = veths.flatMap((link): readonly Finding[] => {
    const end = facts?.peers.get(link.ifindex);
    if (facts === undefined || (end !== undefined && world.namespaces.get(end.namespace)?.role !== "node")) return [];
    const bridge = findLinkByIndex(facts, link.master)?.name;
    const message = `veth ${link.name} leads to no pod that there is`;
    const evidence = [
      `ip link: ${link.name}@if${link.link ?? 0}${bridge === undefined ? "" : ` master ${bridge}`} state ${link.operstate}`,
    ];
    return [{ cause: "leak", hop: `${name} ${link.name}`, message, evidence }];
  });
  return { looked: veths.length, findings };
}

function describeAddress(facts: NamespaceFacts | undefined, address: IpAddress): string {
  const found = facts?.addresses.find(({ prefix }) => prefix.address === address);
  const link = facts && findLinkByIndex(facts, found?.ifindex);
  return link === undefined ? `status.podIPs: ${address}` : `${address} dev ${link.name} lladdr ${link.mac}`;
}
