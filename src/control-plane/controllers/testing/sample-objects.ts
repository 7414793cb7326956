/** Objects for tests of controllers, as small as they are valid. */

import { lease as leaseKind } from "#api/kinds/lease.ts";
import type { Node } from "#api/kinds/node.ts";
import { node as nodeKind } from "#api/kinds/node.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import { pod as podKind } from "#api/kinds/pod/pod.ts";
import type { Service } from "#api/kinds/service/service.ts";
import type { TestCluster } from "./test-cluster.ts";
import { signal } from "./test-cluster.ts";

type PodChanges = {
  readonly metadata?: Partial<Pod["metadata"]>;
  readonly spec?: Partial<Pod["spec"]>;
  readonly status?: Pod["status"];
};

export function samplePod(name: string, { metadata, spec, status }: PodChanges = {}): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "default", labels: { app: "web" }, ...metadata },
    spec: { containers: [{ name: "main", image: "nginx" }], ...spec },
    ...(status !== undefined && { status }),
  };
}

/** A pod that runs: on a node, with addresses. */
export function runningPod(
  name: string,
  ip: string | readonly string[],
  { isReady = true, ...others }: PodChanges & { readonly isReady?: boolean } = {},
): Pod {
  const podIPs = (typeof ip === "string" ? [ip] : ip).map((one) => ({ ip: one }));
  return samplePod(name, {
    ...others,
    metadata: { uid: `uid-${name}`, ...others.metadata },
    spec: { nodeName: "node-1", ...others.spec },
    status: { ...readyStatus(isReady), podIP: podIPs[0]?.ip, podIPs, ...others.status },
  });
}

export function readyStatus(isReady: boolean, at = "2025-01-01T00:00:00Z"): NonNullable<Pod["status"]> {
  return {
    phase: "Running",
    conditions: [{ type: "Ready", status: isReady ? "True" : "False", lastTransitionTime: at }],
  };
}

export function sampleService(name: string, spec: Partial<Service["spec"]> = {}): Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "default", uid: `uid-${name}`, creationTimestamp: "2025-01-01T00:00:00Z" },
    spec: {
      type: "ClusterIP",
      selector: { app: "web" },
      clusterIP: "10.96.0.9",
      ipFamilies: ["IPv4"],
      ports: [{ port: 80, protocol: "TCP", targetPort: 8080 }],
      ...spec,
    },
  };
}

export function sampleNode(name: string, status: "True" | "False" | "Unknown" = "True", zone?: string): Node {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, ...(zone !== undefined && { labels: { "topology.kubernetes.io/zone": zone } }) },
    spec: {},
    status: { conditions: [readyCondition(status)] },
  };
}

function readyCondition(status: "True" | "False" | "Unknown", at = new Date()) {
  const time = `${at.toISOString().slice(0, 19)}Z`;
  return { type: "Ready", status, lastHeartbeatTime: time, lastTransitionTime: time, reason: "KubeletReady" } as const;
}

/** Creates it and writes its status, as a scheduler and a kubelet do. */
export async function runPod(cluster: TestCluster, pod: Pod): Promise<Pod> {
  const { uid: _uid, ...metadata } = pod.metadata;
  const created = await cluster.create(podKind, { ...pod, metadata });
  return await cluster.client.updateStatus(podKind, { ...created, status: pod.status }, signal);
}

/** What a kubelet does all the time. */
export async function postStatus(cluster: TestCluster, name: string): Promise<void> {
  await cluster.change(nodeKind, name, (node) => ({
    ...node,
    status: { ...node.status, conditions: [readyCondition("True")] },
  }));
}

export async function renewLease(cluster: TestCluster, name: string): Promise<void> {
  const renewTime = new Date().toISOString().replace("Z", "000Z");
  const metadata = { name, namespace: "kube-node-lease" };
  const spec = { holderIdentity: name, leaseDurationSeconds: 40, renewTime };
  const current = await cluster.find(leaseKind, `kube-node-lease/${name}`);
  if (current === undefined) await cluster.create(leaseKind, { metadata, spec });
  else await cluster.client.update(leaseKind, { ...current, spec }, signal);
}
