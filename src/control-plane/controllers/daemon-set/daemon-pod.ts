/**
 * A DaemonSet's pod for one node: bound to it by affinity, so that the scheduler places it, and bearing the taints by
 * which nodes that are not well keep other pods away.
 * Source: Kubernetes documentation, "DaemonSet" (how Daemon Pods are scheduled, taints and tolerations).
 */
import { type DaemonSet, daemonSet as daemonSetKind } from "#api/kinds/daemon-set.ts";
import type { Affinity } from "#api/kinds/pod/affinity.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { PodSpec } from "#api/kinds/pod/pod-spec.ts";
import type { Toleration } from "#api/kinds/pod/toleration.ts";
import type { Draft } from "#api-client/api-client.ts";
import { podFromTemplate } from "../workload/pod-from-template.ts";

export const HASH_LABEL = "controller-revision-hash";
const NAME_FIELD = "metadata.name";

const TOLERATIONS: readonly Toleration[] = [
  { key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoExecute" },
  { key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute" },
  { key: "node.kubernetes.io/disk-pressure", operator: "Exists", effect: "NoSchedule" },
  { key: "node.kubernetes.io/memory-pressure", operator: "Exists", effect: "NoSchedule" },
  { key: "node.kubernetes.io/pid-pressure", operator: "Exists", effect: "NoSchedule" },
  { key: "node.kubernetes.io/unschedulable", operator: "Exists", effect: "NoSchedule" },
];
/** Pods on the node's network make the pods' network. */
const HOST_NETWORK_TOLERATION: Toleration = {
  key: "node.kubernetes.io/network-unavailable",
  operator: "Exists",
  effect: "NoSchedule",
};

export function daemonPod(daemonSet: DaemonSet, nodeName: string, hash: string): Draft<Pod> {
  const { template } = daemonSet.spec;
  const draft = podFromTemplate(daemonSetKind, daemonSet, template);
  return {
    ...draft,
    metadata: { ...draft.metadata, labels: { ...draft.metadata.labels, [HASH_LABEL]: hash } },
    spec: {
      ...template.spec,
      affinity: onNode(template.spec.affinity, nodeName),
      tolerations: daemonTolerations(template.spec),
    },
  };
}

/** Those of the template, and those of every daemon. */
export function daemonTolerations({ tolerations = [], hostNetwork }: PodSpec): readonly Toleration[] {
  const added = hostNetwork === true ? [...TOLERATIONS, HOST_NETWORK_TOLERATION] : TOLERATIONS;
  const isOverruled = (own: Toleration): boolean =>
    added.some(({ key, effect }) => own.key === key && own.effect === effect && own.operator === "Exists");
  return [...tolerations.filter((own) => !isOverruled(own)), ...added];
}

/** The node that the pod runs on, or is for. */
export function targetNode({ spec }: Pod): string | undefined {
  if (spec.nodeName !== undefined && spec.nodeName !== "") return spec.nodeName;
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  for (const { matchFields = [] } of required?.nodeSelectorTerms ?? []) {
    const field = matchFields.find(({ key, operator }) => key === NAME_FIELD && operator === "In");
    if (field?.values?.length === 1) return field.values[0];
  }
  return undefined;
}

/** The node was chosen by all that the template requires; now only its name counts. */
function onNode(affinity: Affinity | undefined, nodeName: string): Affinity {
  const matchFields = [{ key: NAME_FIELD, operator: "In", values: [nodeName] }] as const;
  return {
    ...affinity,
    nodeAffinity: {
      ...affinity?.nodeAffinity,
      requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields }] },
    },
  };
}
