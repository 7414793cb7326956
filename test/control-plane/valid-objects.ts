/** A small object of each kind that the server takes as it is: what fuzzing starts from. */
import type { JsonObject } from "#base/json.ts";

const podSpec = {
  containers: [
    {
      name: "web",
      image: "example.com/web:1",
      ports: [{ containerPort: 80 }, { containerPort: 81, name: "alt" }],
      env: [{ name: "A", value: "1" }],
      resources: { requests: { cpu: "100m", memory: "1Mi" }, limits: { memory: "2Mi" } },
      volumeMounts: [{ name: "data", mountPath: "/data" }],
      readinessProbe: { httpGet: { port: "alt", path: "/" }, periodSeconds: 5 },
    },
  ],
  volumes: [{ name: "data", emptyDir: {} }],
  tolerations: [{ key: "a", operator: "Exists" }],
  nodeSelector: { disk: "ssd" },
};
const labels = { app: "web" };
const selector = { matchLabels: labels };
const template = { metadata: { labels }, spec: podSpec };
const subjects = [{ kind: "User", name: "jane", apiGroup: "rbac.authorization.k8s.io" }];
const rules = [{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }];
const roleRef = (kind: string) => ({ apiGroup: "rbac.authorization.k8s.io", kind, name: "view" });
const workload = { selector, template };
const access = { resourceAttributes: { verb: "get", resource: "pods", namespace: "default" } };

/** Members beside metadata, by the kind's name. */
export const validObjects: Readonly<Record<string, JsonObject>> = {
  ConfigMap: { data: { a: "1" }, binaryData: { b: "AQI=" } },
  Namespace: {},
  Secret: { type: "Opaque", data: { a: "MQ==" }, stringData: { b: "2" } },
  ServiceAccount: { secrets: [{ name: "a" }], imagePullSecrets: [{ name: "b" }] },
  Lease: { spec: { holderIdentity: "me", leaseDurationSeconds: 10 } },
  Pod: { spec: podSpec },
  Binding: { target: { kind: "Node", name: "n1" } },
  Node: {
    spec: { podCIDR: "10.244.1.0/24", podCIDRs: ["10.244.1.0/24"], taints: [{ key: "a", effect: "NoSchedule" }] },
  },
  Event: { involvedObject: { kind: "Pod", name: "a", namespace: "default" }, reason: "Started", type: "Normal" },
  Role: { rules },
  ClusterRole: { rules },
  RoleBinding: { roleRef: roleRef("ClusterRole"), subjects },
  ClusterRoleBinding: { roleRef: roleRef("ClusterRole"), subjects },
  SubjectAccessReview: { spec: { ...access, user: "jane", groups: ["a"] } },
  SelfSubjectAccessReview: { spec: access },
  LocalSubjectAccessReview: { spec: { ...access, user: "jane" } },
  SelfSubjectRulesReview: { spec: { namespace: "default" } },
  SelfSubjectReview: {},
  TokenReview: { spec: { token: "reader" } },
  TokenRequest: { spec: { audiences: ["a"], expirationSeconds: 600 } },
  Service: {
    spec: {
      selector: labels,
      ports: [
        { name: "http", port: 80, targetPort: "alt" },
        { name: "dns", port: 53, protocol: "UDP" },
      ],
    },
  },
  Endpoints: { subsets: [{ addresses: [{ ip: "10.244.1.2" }], ports: [{ name: "http", port: 80 }] }] },
  EndpointSlice: {
    addressType: "IPv4",
    endpoints: [{ addresses: ["10.244.1.2"], conditions: { ready: true }, nodeName: "n1" }],
    ports: [{ name: "http", port: 80, protocol: "TCP" }],
  },
  NetworkPolicy: {
    spec: {
      podSelector: selector,
      policyTypes: ["Ingress"],
      ingress: [{ from: [{ ipBlock: { cidr: "10.0.0.0/8", except: ["10.1.0.0/16"] } }], ports: [{ port: 80 }] }],
    },
  },
  Deployment: { spec: { ...workload, replicas: 2, strategy: { rollingUpdate: { maxSurge: "25%" } } } },
  ReplicaSet: { spec: { ...workload, replicas: 1 } },
  DaemonSet: { spec: workload },
  StatefulSet: { spec: { ...workload, serviceName: "web" } },
  ControllerRevision: { data: { spec: { a: 1 } }, revision: 1 },
  Job: { spec: { template: { spec: { ...podSpec, restartPolicy: "Never" } }, backoffLimit: 3 } },
  PodDisruptionBudget: { spec: { selector, minAvailable: 1 } },
  Eviction: { deleteOptions: { gracePeriodSeconds: 0 } },
  Scale: { spec: { replicas: 3 } },
};
