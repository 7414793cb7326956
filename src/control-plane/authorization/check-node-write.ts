/**
 * What a node must not write although it may write the object: what only the object itself tells.
 * Source: Kubernetes documentation, "Admission Control" (NodeRestriction).
 */
import type { KubeObject } from "#api/kind.ts";
import type { UserInfo } from "../resources/resource-api.ts";
import { type NodePods, nodeNameOf } from "./node-authorizer.ts";

export interface NodeWrite {
  readonly user: UserInfo;
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  /** As it would be stored; for serviceaccounts/token the TokenRequest. */
  readonly object: KubeObject;
  /** undefined on creation. */
  readonly old: KubeObject | undefined;
  /** Of the request: the object's, or the service account's. */
  readonly namespace: string | undefined;
}

/** Why the write is forbidden; undefined when it is not, also when the user is no node. */
export function checkNodeWrite(pods: Pick<NodePods, "pod">, write: NodeWrite): string | undefined {
  const node = nodeNameOf(write.user);
  if (node === undefined) return undefined;
  switch (`${write.group}/${write.resource}/${write.subresource}`) {
    case "/nodes/":
    case "/nodes/status":
      return checkOwnNode(node, write);
    case "coordination.k8s.io/leases/":
      return write.object.metadata.name === node
        ? undefined
        : "can only access node lease with the same name as the requesting node";
    case "/serviceaccounts/token":
      return checkTokenRequest(node, write, pods);
    default:
      return undefined;
  }
}

/** Labels that nodes cannot give themselves, so that pods can be kept on trusted nodes. */
const RESTRICTED = "node-restriction.kubernetes.io";

function checkOwnNode(node: string, { object, old }: NodeWrite): string | undefined {
  const { name = "", labels = {} } = object.metadata;
  if (name !== node) return `node ${JSON.stringify(node)} is not allowed to modify node ${JSON.stringify(name)}`;
  const before = old?.metadata.labels ?? {};
  const changed = [...new Set([...Object.keys(labels), ...Object.keys(before)])].filter(
    (key) => isRestricted(key) && labels[key] !== before[key],
  );
  if (changed.length > 0) return `is not allowed to modify labels: ${changed.sort().join(", ")}`;
  if (old !== undefined && JSON.stringify(taintsOf(object)) !== JSON.stringify(taintsOf(old))) {
    return `node ${JSON.stringify(node)} is not allowed to modify taints`;
  }
  return undefined;
}

function isRestricted(key: string): boolean {
  const [domain = ""] = key.split("/");
  return key.includes("/") && (domain === RESTRICTED || domain.endsWith(`.${RESTRICTED}`));
}

function taintsOf({ spec }: KubeObject): unknown {
  const taints = isRecord(spec) ? spec["taints"] : undefined;
  return Array.isArray(taints) && taints.length > 0 ? taints : undefined;
}

/** A node only gets tokens that die with a pod of its own. */
function checkTokenRequest(
  node: string,
  { object, namespace = "" }: NodeWrite,
  pods: Pick<NodePods, "pod">,
): string | undefined {
  const bound = isRecord(object["spec"]) ? object["spec"]["boundObjectRef"] : undefined;
  if (!isRecord(bound)) return "node requested token not bound to a pod";
  const { kind, name, uid } = bound;
  if (kind !== "Pod" || typeof name !== "string") return "node requested token not bound to a pod";
  if (typeof uid !== "string" || uid === "") return "node requested token bound to a pod without a uid";
  const pod = pods.pod(namespace, name);
  if (pod === undefined || pod.spec?.nodeName !== node) {
    return "node requested token bound to a pod scheduled on a different node";
  }
  return pod.metadata.uid === uid
    ? undefined
    : `the UID in the bound object reference (${uid}) does not match the UID in record`;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
