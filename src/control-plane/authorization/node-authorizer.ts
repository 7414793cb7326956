/**
 * What a node (user system:node:NAME in group system:nodes) may do: read what it needs to run its pods, and write only
 * its own Node, its own Lease, and what belongs to pods that are bound to it. On creation the name is not known here:
 * `checkNodeWrite` looks at the object itself. Source: Kubernetes documentation, "Using Node Authorization".
 */
import type { PodSpec } from "#api/kinds/pod/pod-spec.ts";
import type { ObjectMeta } from "#api/meta/object-meta.ts";
import type { UserInfo } from "../resources/resource-api.ts";
import type { AuthorizationDecision, AuthorizationRequest, Authorizer } from "./authorizer.ts";
import { nodeRules } from "./node-rules.ts";
import { type PodReferences, podReferences } from "./pod-references.ts";
import type { RuleResolver } from "./rbac-authorizer.ts";
import { ruleAllows } from "./rule-allows.ts";

export interface NodePod {
  readonly metadata: Pick<ObjectMeta, "name" | "namespace" | "uid">;
  readonly spec?: PodSpec | undefined;
}

/** Pods as the server's caches have them. */
export interface NodePods {
  podsOnNode(node: string): Iterable<NodePod>;
  pod(namespace: string, name: string): NodePod | undefined;
}

export const NODE_LEASES = "kube-node-lease";

type ResourceRequest = AuthorizationRequest & { readonly type: "resource" };
type Check = (node: string, request: ResourceRequest, pods: NodePods) => AuthorizationDecision;

const allowed: AuthorizationDecision = { isAllowed: true, reason: "" };

export function nodeAuthorizer(pods: NodePods): Authorizer & RuleResolver {
  return {
    authorize(request) {
      if (!request.user.groups.includes(NODES_GROUP)) return denied("");
      const node = nodeNameOf(request.user);
      if (node === undefined) return denied(`unknown node for user ${JSON.stringify(request.user.name)}`);
      const check = request.type === "resource" ? checks.get(`${request.group}/${request.resource}`) : undefined;
      if (check !== undefined && request.type === "resource") return check(node, request, pods);
      return nodeRules.some((rule) => ruleAllows(rule, request)) ? allowed : denied("");
    },
    rulesFor(user) {
      const isNode = user.groups.includes(NODES_GROUP);
      return {
        rules: [],
        isIncomplete: isNode,
        errors: isNode ? ["node authorizer does not support user rule resolution"] : [],
      };
    },
  };
}

const NODES_GROUP = "system:nodes";
const NODE_USER = "system:node:";

/** The node that the user is; undefined when it is none. */
export function nodeNameOf({ name, groups }: UserInfo): string | undefined {
  const isNode = groups.includes(NODES_GROUP) && name.startsWith(NODE_USER) && name.length > NODE_USER.length;
  return isNode ? name.slice(NODE_USER.length) : undefined;
}

const checks: ReadonlyMap<string, Check> = new Map<string, Check>([
  ["/secrets", readReferenced("secrets")],
  ["/configmaps", readReferenced("configMaps")],
  ["/persistentvolumeclaims", readReferenced("claims")],
  ["/serviceaccounts", checkToken],
  ["/nodes", checkNode],
  ["/pods", checkPod],
  ["coordination.k8s.io/leases", checkLease],
]);

function readReferenced(what: keyof PodReferences): Check {
  return (node, { verb, subresource, namespace = "", name = "" }, pods) => {
    if (!isRead(verb)) return denied("can only read resources of this type");
    if (subresource !== "") return denied("cannot read subresource");
    if (namespace === "") return denied("can only read namespaced object of this type");
    if (name === "") return denied("No Object name found");
    for (const { metadata, spec } of pods.podsOnNode(node)) {
      if (metadata.namespace !== namespace || spec === undefined) continue;
      if (podReferences(metadata.name ?? "", spec)[what].has(name)) return allowed;
    }
    return denied(`no relationship found between node '${node}' and this object`);
  };
}

function checkToken(
  node: string,
  { verb, subresource, namespace, name }: ResourceRequest,
  pods: NodePods,
): AuthorizationDecision {
  if (verb !== "create" || name === undefined || name === "") {
    return denied("can only create tokens for individual service accounts");
  }
  if (subresource !== "token") return denied("can only create token subresource of serviceaccount");
  for (const { metadata, spec } of pods.podsOnNode(node)) {
    if (metadata.namespace === namespace && spec?.serviceAccountName === name) return allowed;
  }
  return denied(`no relationship found between node '${node}' and this object`);
}

function checkNode(node: string, { verb, subresource, name }: ResourceRequest): AuthorizationDecision {
  const isObject = subresource === "";
  if (isObject && isRead(verb)) return allowed;
  const isWrite = isObject
    ? verb === "create" || verb === "update" || verb === "patch"
    : subresource === "status" && (verb === "update" || verb === "patch");
  if (!isWrite) return denied("");
  if (name === node || (verb === "create" && name === undefined)) return allowed;
  return denied(`node ${JSON.stringify(node)} is not allowed to modify node ${JSON.stringify(name ?? "")}`);
}

const POD_WRITES: ReadonlyMap<string, string> = new Map([
  ["delete", "delete pods"],
  ["update status", "update pod status for pods"],
  ["patch status", "update pod status for pods"],
  ["create eviction", "evict pods"],
]);

function checkPod(
  node: string,
  { verb, subresource, namespace = "", name = "" }: ResourceRequest,
  pods: NodePods,
): AuthorizationDecision {
  if (subresource === "" && isRead(verb)) return allowed;
  const what = POD_WRITES.get(subresource === "" ? verb : `${verb} ${subresource}`);
  if (what === undefined) return denied("");
  if (name !== "" && pods.pod(namespace, name)?.spec?.nodeName === node) return allowed;
  return denied(`node ${JSON.stringify(node)} can only ${what} with spec.nodeName set to itself`);
}

const LEASE_VERBS: readonly string[] = ["get", "create", "update", "patch", "delete"];

function checkLease(node: string, { verb, namespace, name }: ResourceRequest): AuthorizationDecision {
  if (!LEASE_VERBS.includes(verb)) return denied("can only get, create, update, patch, or delete a node lease");
  if (namespace !== NODE_LEASES) {
    return denied(`can only access leases in the ${JSON.stringify(NODE_LEASES)} system namespace`);
  }
  if (name === node || (verb === "create" && name === undefined)) return allowed;
  return denied("can only access node lease with the same name as the requesting node");
}

function isRead(verb: string): boolean {
  return verb === "get" || verb === "list" || verb === "watch";
}

function denied(reason: string): AuthorizationDecision {
  return { isAllowed: false, reason };
}
