/** Objects and clusters for tests, with as little said as possible. */
import type { Namespace } from "#api/kinds/namespace.ts";
import type { Node } from "#api/kinds/node.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { PodSpec } from "#api/kinds/pod/pod-spec.ts";
import type { ResourceList } from "#api/kinds/pod/resource-requirements.ts";
import type { Taint } from "#api/kinds/pod/toleration.ts";
import type { ObjectMeta } from "#api/meta/object-meta.ts";
import { type ClusterState, createClusterState } from "../state/cluster-state.ts";

export interface NodeOptions {
  readonly labels?: Readonly<Record<string, string>>;
  readonly taints?: readonly Taint[];
  readonly unschedulable?: boolean;
  readonly allocatable?: ResourceList;
}

/** Labels: its hostname and what is given. 4 cpu, 8Gi and 110 pods, if nothing else is said. */
export function testNode(name: string, { labels = {}, allocatable = {}, ...spec }: NodeOptions = {}): Node {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, labels: { "kubernetes.io/hostname": name, ...labels } },
    spec,
    status: { allocatable: { cpu: "4", memory: "8Gi", pods: "110", ...allocatable } },
  };
}

export interface PodOptions {
  readonly metadata?: ObjectMeta;
  readonly labels?: Readonly<Record<string, string>>;
  readonly requests?: ResourceList;
  readonly spec?: Partial<PodSpec>;
  readonly status?: NonNullable<Pod["status"]>;
}

/** In the namespace default, with one container. */
export function testPod(name: string, { metadata, labels, requests, spec, status }: PodOptions = {}): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { namespace: "default", name, uid: `uid-${name}`, ...(labels && { labels }), ...metadata },
    spec: { containers: [{ name: "main", image: "nginx", resources: { ...(requests && { requests }) } }], ...spec },
    ...(status && { status }),
  };
}

export function testNamespace(name: string, labels: Readonly<Record<string, string>> = {}): Namespace {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } };
}

export interface TestCluster {
  readonly nodes: readonly Node[];
  /** With spec.nodeName. */
  readonly pods?: readonly Pod[];
  readonly namespaces?: readonly Namespace[];
}

export function clusterOf({ nodes, pods = [], namespaces = [] }: TestCluster): ClusterState {
  const cluster = createClusterState();
  for (const one of namespaces) cluster.setNamespace(one);
  for (const one of nodes) cluster.setNode(one);
  for (const one of pods) cluster.setPod(one);
  return cluster;
}
