/** A cluster's status, put together from the keeper's own knowledge, the API's view of nodes, and /proc. */
import { readFileSync } from "node:fs";
import type { Node } from "#api/kinds/node.ts";
import { formatPrefix } from "#base/ip-address.ts";
import type { ClusterPaths } from "../cluster-paths.ts";
import type { Families } from "../underlay/choose-subnet.ts";
import { hostLinkName } from "../underlay/underlay-addresses.ts";
import type { ClusterNode } from "./cluster-node.ts";
import type { ClusterSpec } from "./cluster-spec.ts";
import type { ClusterStatus, ComponentStatus, NodeStatusReport } from "./cluster-status.ts";
import type { Cluster } from "./start-cluster.ts";
import type { SupervisedStatus } from "./supervise.ts";
import { whyNotReady } from "./wait-for-nodes.ts";

export interface StatusSources {
  readonly spec: ClusterSpec;
  readonly paths: ClusterPaths;
  readonly phase: "starting" | "running" | "stopping";
  /** undefined while it starts. */
  readonly cluster: Cluster | undefined;
  readonly nowMs: number;
}

export function readStatus({ spec, paths, phase, cluster, nowMs }: StatusSources): ClusterStatus {
  const objects = cluster?.nodeObjects.list() ?? [];
  const nodes = (cluster?.nodes ?? []).map((node) => {
    const object = objects.find(({ metadata }) => metadata.name === node.name);
    return nodeStatus(node, object, nowMs);
  });
  return {
    name: spec.name,
    state: phase === "running" ? (nodes.every(({ ready }) => ready) ? "ready" : "degraded") : phase,
    keeperPid: process.pid,
    server: cluster?.server ?? "",
    kubeconfig: paths.kubeconfig,
    network: spec.network,
    podCidrs: spec.podCidrs,
    serviceCidrs: spec.serviceCidrs,
    underlay: {
      subnets: present(cluster?.underlay.subnets).map(formatPrefix),
      hostAddresses: present(cluster?.underlay.hostAddresses),
      hostLink: hostLinkName(spec.name),
      netnsPath: cluster?.underlay.netnsPath ?? "",
    },
    outside: {
      netnsPath: cluster?.underlay.outside.netnsPath ?? "",
      addresses: present(cluster?.underlay.outside.addresses),
    },
    spec,
    components: cluster?.control.map((part) => componentStatus(part.status(), nowMs)) ?? [],
    nodes,
  };
}

function present<T>(families: Families<T> | undefined): readonly T[] {
  return [families?.[4], families?.[6]].filter((value) => value !== undefined);
}

function nodeStatus(node: ClusterNode, object: Node | undefined, nowMs: number): NodeStatusReport {
  const state = node.state();
  const notReady = state === "running" ? whyNotReady(object) : `the node is ${state}`;
  const initPid = node.initPid();
  const addresses = object?.status?.addresses ?? [];
  return {
    name: node.name,
    state,
    ready: notReady === undefined,
    ...(notReady !== undefined && { message: notReady }),
    addresses: addresses.filter(({ type }) => type === "InternalIP").map(({ address }) => address),
    podCidrs: object?.spec?.podCIDRs ?? [],
    ...(initPid !== undefined && { initPid }),
    components: node.components().map((part) => componentStatus(part, nowMs)),
  };
}

function componentStatus(part: SupervisedStatus, nowMs: number): ComponentStatus {
  const { name, state, pid, restarts, startedAtMs, lastEnd } = part;
  const rssBytes = pid === undefined ? undefined : readRss(pid);
  return {
    name,
    state,
    ...(pid !== undefined && { pid }),
    restarts,
    uptimeSeconds: state === "running" ? Math.max(0, Math.round((nowMs - startedAtMs) / 1000)) : 0,
    ...(rssBytes !== undefined && { rssBytes }),
    ...(lastEnd !== undefined && { lastEnd }),
  };
}

/** Source: proc_pid_status(5). */
function readRss(pid: number): number | undefined {
  try {
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  } catch (error) {
    // It ended meanwhile.
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ESRCH"))
      return undefined;
    throw error;
  }
}
