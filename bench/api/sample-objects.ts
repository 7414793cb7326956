/** What is written: ConfigMaps with 1 kB of data, and pods as a cluster has them, with their nodes. */
import type { JsonObject } from "#base/json.ts";

export const NAMESPACE = "default";
/** Objects of one list. */
export const LISTED_OBJECTS = 50;
export const LIST_NAMESPACE = "kube-public";
/** What a node has at most by default. */
const PODS_PER_NODE = 100;
const DATA = "0123456789abcdef".repeat(64);

export function sampleConfigMap(name: string, data = DATA): JsonObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: { value: data } };
}

export function nodeCount(pods: number): number {
  return Math.ceil(pods / PODS_PER_NODE);
}

export function sampleNode(index: number, now: Date): JsonObject {
  const time = timeText(now);
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: nodeName(index), labels: { "kubernetes.io/hostname": nodeName(index) } },
    status: {
      capacity: { cpu: "16", memory: "64Gi", pods: "110" },
      allocatable: { cpu: "16", memory: "64Gi", pods: "110" },
      conditions: [
        {
          type: "Ready",
          status: "True",
          reason: "KubeletReady",
          message: "kubelet is posting ready status",
          lastHeartbeatTime: time,
          lastTransitionTime: time,
        },
      ],
    },
  };
}

export function samplePod(index: number): JsonObject {
  const app = `app-${index % 50}`;
  const image = `registry.example.com/team/${app}:1.${index % 20}.0`;
  const probe = { periodSeconds: 10, httpGet: { path: "/healthz", port: "http" } };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: podName(index),
      labels: {
        app,
        "app.kubernetes.io/name": app,
        "app.kubernetes.io/part-of": "shop",
        "pod-template-hash": "6d5f7c9b8",
      },
      annotations: { "prometheus.io/scrape": "true", "prometheus.io/port": "9090" },
    },
    spec: {
      nodeName: nodeName(Math.floor(index / PODS_PER_NODE)),
      containers: [
        {
          name: "main",
          image,
          args: ["--listen=:8080", "--metrics=:9090", `--shard=${index % 7}`],
          env: [
            { name: "POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
            { name: "DATABASE_URL", valueFrom: { secretKeyRef: { name: `${app}-database`, key: "url" } } },
            { name: "LOG_LEVEL", value: "info" },
          ],
          ports: [
            { name: "http", containerPort: 8080 },
            { name: "metrics", containerPort: 9090 },
          ],
          resources: { requests: { cpu: "100m", memory: "128Mi" }, limits: { memory: "256Mi" } },
          readinessProbe: probe,
          livenessProbe: probe,
          volumeMounts: [{ name: "config", mountPath: "/etc/app" }],
        },
      ],
      volumes: [{ name: "config", configMap: { name: `${app}-config` } }],
    },
  };
}

/** What the node's kubelet says when the pod runs. */
export function samplePodStatus(index: number, now: Date): JsonObject {
  const time = timeText(now);
  const types = ["Initialized", "Ready", "ContainersReady", "PodScheduled"];
  const ip = `10.244.${Math.floor(index / PODS_PER_NODE)}.${(index % PODS_PER_NODE) + 2}`;
  return {
    phase: "Running",
    conditions: types.map((type) => ({ type, status: "True", lastTransitionTime: time })),
    hostIP: "192.0.2.1",
    podIP: ip,
    podIPs: [{ ip }],
    startTime: time,
    containerStatuses: [
      {
        name: "main",
        ready: true,
        started: true,
        restartCount: 0,
        image: `registry.example.com/team/app-${index % 50}:1.${index % 20}.0`,
        imageID: `registry.example.com/team/app@sha256:${"5d".repeat(32)}`,
        containerID: `containerd://${"a7".repeat(32)}`,
        state: { running: { startedAt: time } },
      },
    ],
  };
}

export function podName(index: number): string {
  return `app-${index % 50}-6d5f7c9b8-${index.toString(36).padStart(5, "0")}`;
}

export function nodeName(index: number): string {
  return `node-${index}`;
}

function timeText(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}
