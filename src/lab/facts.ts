/** What the checks of labs look at: pods and their links, in the kernel and at the API. */
import { readFileSync } from "node:fs";
import { isApiError } from "#api/api-error.ts";
import { configMap } from "#api/kinds/config-map.ts";
import { type Pod, pod as podKind } from "#api/kinds/pod/pod.ts";
import { createNetlinkSocket, NETLINK_ROUTE } from "#kernel/netlink/socket.ts";
import { inNetns, type Netns, openNetns } from "#kernel/netns/netns.ts";
import { type Address, listAddresses } from "#kernel/rtnetlink/address.ts";
import { type Link, listLinks } from "#kernel/rtnetlink/link.ts";
import { listRoutes, type Route } from "#kernel/rtnetlink/route.ts";
import type { AccessNode, AccessPod, ClusterAccess } from "#trace/cluster-access.ts";
import type { LabWorld } from "./lab.ts";

export interface NetnsFacts {
  readonly inode: number;
  readonly links: readonly Link[];
  readonly addresses: readonly Address[];
  readonly routes: readonly Route[];
}

export function readNetns(path: string): NetnsFacts {
  using netns = openNetns(path);
  using socket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
  return {
    inode: netns.inode,
    links: listLinks(socket),
    addresses: listAddresses(socket),
    routes: listRoutes(socket),
  };
}

/** A counter of /proc/net/snmp of that namespace, such as Tcp's PassiveOpens. Source: RFC 4022; proc_pid_net(5). */
export function readSnmp(path: string, protocol: string, counter: string): number {
  using netns: Netns = openNetns(path);
  const text = inNetns(netns, () => readFileSync("/proc/thread-self/net/snmp", "utf8"));
  const [names = [], values = []] = text
    .split("\n")
    .filter((line) => line.startsWith(`${protocol}: `))
    .map((line) => line.split(" "));
  return Number(values[names.indexOf(counter)] ?? Number.NaN);
}

/** Pods with that label, running, with the namespaces they have. */
export async function podsWith(
  world: LabWorld,
  labelSelector: string,
  signal: AbortSignal,
): Promise<readonly LabPod[]> {
  const [{ items }, access] = await Promise.all([
    world.client.list(podKind, { namespace: "default", labelSelector }, signal),
    world.access(signal),
  ]);
  return items
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map((object) => ({
      object,
      name: object.metadata.name ?? "",
      place: access.pods.find(({ uid }) => uid === object.metadata.uid),
      node: nodeOf(access, object),
    }));
}

export interface LabPod {
  readonly object: Pod;
  readonly name: string;
  /** Undefined while it has no namespace. */
  readonly place: AccessPod | undefined;
  readonly node: AccessNode | undefined;
}

function nodeOf({ nodes }: ClusterAccess, { spec }: Pod): AccessNode | undefined {
  return nodes.find(({ name }) => name === spec.nodeName);
}

export function isReady({ object: { status } }: LabPod): boolean {
  return status?.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True") === true;
}

/** What somebody wrote down: the data of a ConfigMap in the namespace default. */
export async function answersIn(
  world: LabWorld,
  name: string,
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>> | undefined> {
  try {
    return (await world.client.get(configMap, { namespace: "default", name }, signal)).data ?? {};
  } catch (error) {
    if (isApiError(error) && error.reason === "NotFound") return undefined;
    throw error;
  }
}
