/** What a cluster has at its API before its nodes come: the agents' rights, and the network's configuration. */
import { isApiError } from "#api/api-error.ts";
import type { Kind, KubeObject } from "#api/kind.ts";
import { configMap } from "#api/kinds/config-map.ts";
import { clusterRole } from "#api/kinds/rbac/cluster-role.ts";
import { clusterRoleBinding } from "#api/kinds/rbac/cluster-role-binding.ts";
import type { ApiClient, Draft } from "#api-client/api-client.ts";
import { type ClusterSpec, netConf } from "./cluster-spec.ts";

export const AGENT_GROUP = "podwire:agents";
export const NETWORK_CONFIG_MAP = { namespace: "kube-system", name: "podwire", key: "net-conf.json" } as const;
const AGENT_ROLE = "podwire:agent";
const READ = ["get", "list", "watch"];

/** Those that are there already stay as they are: people may have changed the network since. */
export async function ensureClusterObjects(client: ApiClient, spec: ClusterSpec, signal: AbortSignal): Promise<void> {
  const { namespace, name, key } = NETWORK_CONFIG_MAP;
  await Promise.all([
    ensure(client, clusterRole, agentRole(), signal),
    ensure(
      client,
      clusterRoleBinding,
      {
        metadata: { name: AGENT_ROLE },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: AGENT_ROLE },
        subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "Group", name: AGENT_GROUP }],
      },
      signal,
    ),
    ensure(client, configMap, { metadata: { namespace, name }, data: { [key]: netConf(spec) } }, signal),
  ]);
}

function agentRole() {
  return {
    metadata: { name: AGENT_ROLE },
    rules: [
      {
        apiGroups: [""],
        resources: ["nodes", "pods", "namespaces", "services", "endpoints", "configmaps"],
        verbs: READ,
      },
      { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: READ },
      { apiGroups: ["networking.k8s.io"], resources: ["networkpolicies"], verbs: READ },
      { apiGroups: [""], resources: ["nodes", "nodes/status"], verbs: ["patch"] },
      { apiGroups: ["", "events.k8s.io"], resources: ["events"], verbs: ["create", "patch"] },
    ],
  };
}

async function ensure<O extends KubeObject>(
  client: ApiClient,
  kind: Kind<O>,
  object: Draft<O>,
  signal: AbortSignal,
): Promise<void> {
  try {
    await client.create(kind, object, signal);
  } catch (error) {
    if (!isApiError(error, "AlreadyExists")) throw error;
  }
}
