/** What a cluster has at its API before its nodes come: the agents' rights, and the network's configuration. */

import { DNS_SERVICE, MANAGED_BY, MANAGED_BY_LABEL } from "#agent/dns/decide-serving.ts";
import { isApiError } from "#api/api-error.ts";
import type { Kind, KubeObject } from "#api/kind.ts";
import { configMap } from "#api/kinds/config-map.ts";
import { type EndpointSlice, endpointSlice } from "#api/kinds/endpoint-slice.ts";
import { clusterRole } from "#api/kinds/rbac/cluster-role.ts";
import { clusterRoleBinding } from "#api/kinds/rbac/cluster-role-binding.ts";
import { role } from "#api/kinds/rbac/role.ts";
import { roleBinding } from "#api/kinds/rbac/role-binding.ts";
import { type Service, service as serviceKind } from "#api/kinds/service/service.ts";
import { PROGRAMMED_NAMESPACE } from "#api/programmed/question.ts";
import type { ApiClient, Draft } from "#api-client/api-client.ts";
import { familyOf } from "#base/ip-address.ts";
import { SERVICE_NAME_LABEL } from "#dns/zone/create-cluster-zone.ts";
import { type ClusterSpec, dnsAddresses, netConf } from "./cluster-spec.ts";

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
    ensure(client, role, answerRole(), signal),
    ensure(
      client,
      roleBinding,
      {
        metadata: { namespace: PROGRAMMED_NAMESPACE, name: AGENT_ROLE },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: AGENT_ROLE },
        subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "Group", name: AGENT_GROUP }],
      },
      signal,
    ),
    ...(spec.dns === "podwire" ? ensureDnsService(client, spec, signal) : []),
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
      { apiGroups: ["policy.networking.k8s.io"], resources: ["clusternetworkpolicies"], verbs: READ },
      { apiGroups: [""], resources: ["nodes", "nodes/status"], verbs: ["patch"] },
      { apiGroups: ["", "events.k8s.io"], resources: ["events"], verbs: ["create", "patch"] },
    ],
  };
}

/** Which changes of Services a node has in its kernel is asked and answered in Leases. */
function answerRole() {
  return {
    metadata: { namespace: PROGRAMMED_NAMESPACE, name: AGENT_ROLE },
    rules: [{ apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: [...READ, "create", "patch"] }],
  };
}

/** For people and programs that look for it; each node answers at its addresses itself. */
function ensureDnsService(client: ApiClient, spec: ClusterSpec, signal: AbortSignal): readonly Promise<void>[] {
  const addresses = dnsAddresses(spec);
  const [clusterIP] = addresses;
  const ports = [
    { name: "dns", port: 53, protocol: "UDP" },
    { name: "dns-tcp", port: 53, protocol: "TCP" },
  ] as const;
  const service: Draft<Service> = {
    metadata: {
      ...DNS_SERVICE,
      // No proxy of any kind touches it: the address is one of the node.
      labels: { "k8s-app": "kube-dns", "service.kubernetes.io/service-proxy-name": MANAGED_BY },
    },
    spec: {
      type: "ClusterIP",
      ...(clusterIP !== undefined && { clusterIP }),
      clusterIPs: [...addresses],
      ipFamilyPolicy: addresses.length > 1 ? "RequireDualStack" : "SingleStack",
      ports: [...ports],
      sessionAffinity: "None",
    },
  };
  const slices = addresses.map((address): Draft<EndpointSlice> => {
    const family = familyOf(address);
    return {
      metadata: {
        namespace: DNS_SERVICE.namespace,
        name: `${DNS_SERVICE.name}-ipv${family}`,
        labels: { [SERVICE_NAME_LABEL]: DNS_SERVICE.name, [MANAGED_BY_LABEL]: MANAGED_BY },
      },
      addressType: `IPv${family}`,
      endpoints: [{ addresses: [address], conditions: { ready: true } }],
      ports: [...ports],
    };
  });
  return [
    ensure(client, serviceKind, service, signal),
    ...slices.map((slice) => ensure(client, endpointSlice, slice, signal)),
  ];
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
