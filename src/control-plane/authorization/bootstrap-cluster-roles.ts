/**
 * The cluster roles that a cluster starts with. They are created when they are not there; who changes them keeps his
 * changes. Resources that this server does not have are left out.
 * Source: Kubernetes documentation, "Using RBAC Authorization" (default roles and role bindings).
 */
import type { ClusterRole } from "#api/kinds/rbac/cluster-role.ts";
import { type PolicyRule, RBAC_GROUP } from "#api/kinds/rbac/policy-rule.ts";
import { nodeRules } from "./node-rules.ts";

const READ = ["get", "list", "watch"];
const WRITE = ["create", "update", "patch", "delete", "deletecollection"];
const ALL = [...READ, ...WRITE];

const CORE = "";
const APPS = "apps";
const AUTHENTICATION = "authentication.k8s.io";
const AUTHORIZATION = "authorization.k8s.io";
const BATCH = "batch";
const COORDINATION = "coordination.k8s.io";
const DISCOVERY = "discovery.k8s.io";
const EVENTS = "events.k8s.io";
const NETWORKING = "networking.k8s.io";
const POLICY = "policy";

function rule(
  verbs: readonly string[],
  groups: string | readonly string[],
  ...resources: readonly string[]
): PolicyRule {
  return { verbs, apiGroups: typeof groups === "string" ? [groups] : groups, resources };
}

function paths(...nonResourceURLs: readonly string[]): PolicyRule {
  return { verbs: ["get"], nonResourceURLs };
}

const writeEvents = rule(["create", "patch", "update"], [CORE, EVENTS], "events");
const checkAccess = [
  rule(["create"], AUTHENTICATION, "tokenreviews"),
  rule(["create"], AUTHORIZATION, "subjectaccessreviews"),
];

/** Leader election: the Lease is made, and then kept, under one name. */
function leaderElection(name: string): readonly PolicyRule[] {
  return [
    rule(["create"], COORDINATION, "leases"),
    { ...rule(["get", "update"], COORDINATION, "leases"), resourceNames: [name] },
  ];
}

export const bootstrapClusterRoles: readonly ClusterRole[] = [
  clusterRole("cluster-admin", [rule(["*"], "*", "*"), { verbs: ["*"], nonResourceURLs: ["*"] }]),
  clusterRole("system:discovery", [
    paths(
      "/livez",
      "/readyz",
      "/healthz",
      "/version",
      "/version/",
      "/openapi",
      "/openapi/*",
      "/api",
      "/api/*",
      "/apis",
      "/apis/*",
    ),
  ]),
  clusterRole("system:public-info-viewer", [paths("/livez", "/readyz", "/healthz", "/version", "/version/")]),
  clusterRole("system:monitoring", [
    paths("/healthz", "/healthz/*", "/livez", "/livez/*", "/metrics", "/metrics/slis", "/readyz", "/readyz/*"),
  ]),
  clusterRole("system:basic-user", [
    rule(["create"], AUTHORIZATION, "selfsubjectaccessreviews", "selfsubjectrulesreviews"),
    rule(["create"], AUTHENTICATION, "selfsubjectreviews"),
  ]),
  aggregatedRole("admin", []),
  aggregatedRole("edit", ["admin"]),
  aggregatedRole("view", ["edit"]),
  aggregatedPart("admin", [
    rule(["create"], AUTHORIZATION, "localsubjectaccessreviews"),
    rule(ALL, RBAC_GROUP, "roles", "rolebindings"),
  ]),
  aggregatedPart("edit", [
    rule(READ, CORE, "pods/attach", "pods/proxy", "pods/exec", "pods/portforward", "secrets", "services/proxy"),
    rule(["impersonate"], CORE, "serviceaccounts"),
    rule(WRITE, CORE, "pods", "pods/attach", "pods/proxy", "pods/exec", "pods/portforward"),
    rule(["create"], CORE, "pods/eviction"),
    rule(WRITE, CORE, "configmaps", "events", "secrets", "serviceaccounts", "services", "services/proxy"),
    rule(["create"], CORE, "serviceaccounts/token"),
    rule(
      WRITE,
      APPS,
      "daemonsets",
      "deployments",
      "deployments/rollback",
      "deployments/scale",
      "replicasets",
      "replicasets/scale",
      "statefulsets",
      "statefulsets/scale",
    ),
    rule(WRITE, BATCH, "jobs"),
    rule(WRITE, POLICY, "poddisruptionbudgets"),
    rule(WRITE, NETWORKING, "networkpolicies"),
    rule([...WRITE, ...READ], COORDINATION, "leases"),
  ]),
  aggregatedPart("view", [
    rule(READ, CORE, "configmaps", "endpoints", "pods", "serviceaccounts", "services", "services/status"),
    rule(READ, CORE, "bindings", "events", "namespaces/status", "pods/log", "pods/status", "namespaces"),
    rule(READ, DISCOVERY, "endpointslices"),
    rule(
      READ,
      APPS,
      "controllerrevisions",
      "daemonsets",
      "daemonsets/status",
      "deployments",
      "deployments/scale",
      "deployments/status",
      "replicasets",
      "replicasets/scale",
      "replicasets/status",
      "statefulsets",
      "statefulsets/scale",
      "statefulsets/status",
    ),
    rule(READ, BATCH, "jobs", "jobs/status"),
    rule(READ, POLICY, "poddisruptionbudgets", "poddisruptionbudgets/status"),
    rule(READ, NETWORKING, "networkpolicies"),
  ]),
  clusterRole("system:auth-delegator", checkAccess),
  clusterRole("system:node", [
    ...nodeRules,
    rule(["create", "update", "patch", ...READ], CORE, "nodes"),
    rule(["update", "patch"], CORE, "nodes/status", "pods/status"),
    rule(["delete", ...READ], CORE, "pods"),
    rule(["create"], CORE, "pods/eviction", "serviceaccounts/token"),
    rule(READ, CORE, "configmaps", "secrets"),
    rule(["get", "create", "update", "patch", "delete"], COORDINATION, "leases"),
  ]),
  clusterRole("system:node-proxier", [
    rule(["list", "watch"], CORE, "services", "endpoints"),
    rule(READ, CORE, "nodes"),
    rule(["list", "watch"], DISCOVERY, "endpointslices"),
    writeEvents,
  ]),
  clusterRole("system:kube-scheduler", [
    writeEvents,
    ...leaderElection("kube-scheduler"),
    rule(READ, CORE, "namespaces", "nodes", "services"),
    rule([...READ, "delete"], CORE, "pods"),
    rule(["create"], CORE, "bindings", "pods/binding"),
    rule(["patch", "update"], CORE, "pods/status"),
    rule(READ, APPS, "replicasets", "statefulsets"),
    rule(READ, POLICY, "poddisruptionbudgets"),
    ...checkAccess,
  ]),
  clusterRole("system:kube-controller-manager", [
    writeEvents,
    ...leaderElection("kube-controller-manager"),
    ...checkAccess,
    // Owner references and deleted namespaces concern objects of every kind.
    rule([...READ, "update", "patch", "delete", "deletecollection"], "*", "*"),
    rule(["create"], CORE, "configmaps", "endpoints", "pods", "secrets", "serviceaccounts"),
    rule(["create"], CORE, "pods/eviction", "serviceaccounts/token"),
    rule(["create"], DISCOVERY, "endpointslices"),
    rule(["create"], APPS, "controllerrevisions", "replicasets"),
  ]),
];

function clusterRole(name: string, rules: readonly PolicyRule[], more: Partial<ClusterRole> = {}): ClusterRole {
  const { metadata, ...rest } = more;
  return {
    apiVersion: `${RBAC_GROUP}/v1`,
    kind: "ClusterRole",
    metadata: {
      name,
      labels: { "kubernetes.io/bootstrapping": "rbac-defaults", ...metadata?.labels },
      annotations: { "rbac.authorization.kubernetes.io/autoupdate": "true" },
    },
    rules,
    ...rest,
  };
}

function aggregateLabel(to: string): string {
  return `rbac.authorization.k8s.io/aggregate-to-${to}`;
}

/** Collects what is labelled for it, and is itself part of others. */
function aggregatedRole(name: string, partOf: readonly string[]): ClusterRole {
  const labels = Object.fromEntries(partOf.map((role) => [aggregateLabel(role), "true"]));
  const clusterRoleSelectors = [{ matchLabels: { [aggregateLabel(name)]: "true" } }];
  return clusterRole(name, [], { metadata: { labels }, aggregationRule: { clusterRoleSelectors } });
}

function aggregatedPart(of: string, rules: readonly PolicyRule[]): ClusterRole {
  return clusterRole(`system:aggregate-to-${of}`, rules, { metadata: { labels: { [aggregateLabel(of)]: "true" } } });
}
