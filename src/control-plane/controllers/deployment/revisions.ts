/**
 * A Deployment's revisions: each template it has had is a ReplicaSet with a number, by which kubectl shows the history
 * and goes back. Source: Kubernetes documentation, "Deployments" (rollover, revision history, pod-template-hash).
 */
import { type Deployment, deployment as deploymentKind } from "#api/kinds/deployment.ts";
import type { PodTemplateSpec } from "#api/kinds/pod/pod-template.ts";
import type { ReplicaSet } from "#api/kinds/replica-set.ts";
import { jsonEqual } from "#api/schema/json-equal.ts";
import { controllerReference } from "../workload/controller-reference.ts";
import { templateHash } from "../workload/template-hash.ts";

export const HASH_LABEL = "pod-template-hash";
export const REVISION = "deployment.kubernetes.io/revision";
const REVISION_HISTORY = "deployment.kubernetes.io/revision-history";
export const DESIRED_REPLICAS = "deployment.kubernetes.io/desired-replicas";
export const MAX_REPLICAS = "deployment.kubernetes.io/max-replicas";
const MAX_HISTORY_LENGTH = 2000;

/** A ReplicaSet has its own of these, or none. */
const NOT_COPIED: ReadonlySet<string> = new Set([
  "kubectl.kubernetes.io/last-applied-configuration",
  "deprecated.deployment.rollback.to",
  REVISION,
  REVISION_HISTORY,
  DESIRED_REPLICAS,
  MAX_REPLICAS,
]);

export interface Revisions {
  /** Has the Deployment's template; the oldest when there are several. */
  readonly current: ReplicaSet | undefined;
  /** All others, the oldest first. */
  readonly old: readonly ReplicaSet[];
}

export function findRevisions({ spec }: Deployment, replicaSets: readonly ReplicaSet[]): Revisions {
  const sorted = replicaSets.toSorted(compareAge);
  const current = sorted.find((set) => isSameTemplate(set.spec.template, spec.template));
  return { current, old: sorted.filter((set) => set !== current) };
}

/** But for the label that tells the pods of one ReplicaSet from those of another. */
export function isSameTemplate(a: PodTemplateSpec, b: PodTemplateSpec): boolean {
  return jsonEqual(withoutHash(a), withoutHash(b));
}

/** The older first. */
export function compareAge(a: ReplicaSet, b: ReplicaSet): number {
  const byTime = compareText(a.metadata.creationTimestamp ?? "", b.metadata.creationTimestamp ?? "");
  return byTime || compareText(a.metadata.name ?? "", b.metadata.name ?? "");
}

export function revisionOf({ metadata }: Pick<ReplicaSet, "metadata">): number {
  const text = metadata.annotations?.[REVISION] ?? "";
  return /^[0-9]+$/.test(text) ? Number(text) : 0;
}

/** The number of the present template: above all of the past ones. */
export function nextRevision(old: readonly ReplicaSet[]): number {
  return Math.max(0, ...old.map(revisionOf)) + 1;
}

/** For a template that no ReplicaSet has yet; without pods. */
export function newReplicaSet(deployment: Deployment, revision: number): ReplicaSet {
  const { metadata, spec, status } = deployment;
  const { template, selector, minReadySeconds } = spec;
  // Templates are JSON.
  const hash = templateHash(template, status?.collisionCount);
  const labels = { ...template.metadata?.labels, [HASH_LABEL]: hash };
  return {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: {
      name: `${metadata.name}-${hash}`,
      namespace: metadata.namespace,
      labels,
      annotations: { ...copiedAnnotations(deployment), [REVISION]: String(revision) },
      ownerReferences: [controllerReference(deploymentKind, deployment)],
    },
    spec: {
      replicas: 0,
      ...(minReadySeconds !== undefined && { minReadySeconds }),
      selector: { ...selector, matchLabels: { ...selector.matchLabels, [HASH_LABEL]: hash } },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  };
}

/** The present ReplicaSet with what it takes over from its Deployment; the same object when it has all of that. */
export function updatedReplicaSet(set: ReplicaSet, deployment: Deployment, revision: number): ReplicaSet {
  const annotations = { ...set.metadata.annotations, ...copiedAnnotations(deployment) };
  const old = annotations[REVISION] ?? "";
  if (revisionOf(set) < revision) {
    annotations[REVISION] = String(revision);
    if (old !== "") annotations[REVISION_HISTORY] = longerHistory(annotations[REVISION_HISTORY] ?? "", old);
  }
  const { minReadySeconds } = deployment.spec;
  const isSameSpec = (set.spec.minReadySeconds ?? 0) === (minReadySeconds ?? 0);
  if (isSameSpec && jsonEqual(annotations, set.metadata.annotations ?? {})) return set;
  return {
    ...set,
    metadata: { ...set.metadata, annotations },
    spec: isSameSpec ? set.spec : { ...set.spec, minReadySeconds: minReadySeconds ?? 0 },
  };
}

function copiedAnnotations({ metadata }: Deployment): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(metadata.annotations ?? {}).filter(([key]) => !NOT_COPIED.has(key)));
}

/** "1,3,5"; the oldest numbers go when it becomes too long. */
function longerHistory(history: string, revision: string): string {
  const numbers = history === "" ? [revision] : [...history.split(","), revision];
  while (numbers.join().length > MAX_HISTORY_LENGTH) numbers.shift();
  return numbers.join();
}

function withoutHash(template: PodTemplateSpec) {
  const { metadata, spec } = template;
  const labels: Record<string, string | undefined> = { ...metadata?.labels, [HASH_LABEL]: undefined };
  return { metadata: { ...metadata, labels }, spec };
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
