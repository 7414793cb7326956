/**
 * The history of a DaemonSet's or StatefulSet's template: each it has had is a ControllerRevision, numbered in the
 * order in which they were last in use. Its data is a patch that brings the template back, as kubectl applies it.
 * Source: Kubernetes API reference, apps/v1 ControllerRevision; documentation, "Perform a Rollback on a DaemonSet".
 */
import type { KindNames, KubeObject } from "#api/kind.ts";
import type { ControllerRevision } from "#api/kinds/controller-revision.ts";
import type { PodTemplateSpec } from "#api/kinds/pod/pod-template.ts";
import { jsonEqual } from "#api/schema/json-equal.ts";
import { isJsonObject, type JsonObject } from "#base/json.ts";
import { controllerReference } from "./controller-reference.ts";
import { templateHash } from "./template-hash.ts";

const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";
const MAX_INT32 = 2 ** 31 - 1;

/** An object with a template whose revisions are kept. */
export interface RevisedObject extends KubeObject {
  readonly spec: { readonly template: PodTemplateSpec; readonly revisionHistoryLimit?: number | undefined };
  readonly status?: { readonly collisionCount?: number | undefined } | undefined;
}

export interface RevisionPlan {
  /** Of the present template. */
  readonly current: ControllerRevision;
  readonly write: "create" | "renumber" | "none";
  /** The others, the oldest first. */
  readonly old: readonly ControllerRevision[];
}

export interface RevisedKind {
  readonly kind: KindNames;
  /** Label of revisions that holds the hash of the template. */
  readonly hashLabel: string;
}

export function planRevision(
  { kind, hashLabel }: RevisedKind,
  owner: RevisedObject,
  revisions: readonly ControllerRevision[],
): RevisionPlan {
  const sorted = revisions.toSorted((a, b) => a.revision - b.revision);
  const data = revisionData(owner.spec.template);
  const equal = sorted.findLast((each) => jsonEqual(each.data, data));
  const old = sorted.filter((each) => each !== equal);
  const next = (old.at(-1)?.revision ?? 0) + 1;
  if (equal !== undefined) {
    if (equal.revision >= next) return { current: equal, write: "none", old };
    return { current: { ...equal, revision: next }, write: "renumber", old };
  }
  const { metadata, spec, status } = owner;
  const hash = templateHash(data, status?.collisionCount);
  const { [LAST_APPLIED]: _applied, ...annotations } = metadata.annotations ?? {};
  const current: ControllerRevision = {
    apiVersion: "apps/v1",
    kind: "ControllerRevision",
    metadata: {
      name: `${metadata.name}-${hash}`,
      namespace: metadata.namespace,
      labels: { ...spec.template.metadata?.labels, [hashLabel]: hash },
      ...(Object.keys(annotations).length > 0 && { annotations }),
      ownerReferences: [controllerReference(kind, owner)],
    },
    data,
    revision: next,
  };
  return { current, write: "create", old };
}

function revisionData(template: PodTemplateSpec): JsonObject {
  // Templates are JSON.
  return { spec: { template: { ...(template as JsonObject), $patch: "replace" } } };
}

/** The template that a revision brings back; undefined when somebody else has put something else in. */
export function templateOf({ data }: ControllerRevision): PodTemplateSpec | undefined {
  const spec = isJsonObject(data) ? data["spec"] : undefined;
  const template = isJsonObject(spec) ? spec["template"] : undefined;
  if (!isJsonObject(template)) return undefined;
  const { $patch: _directive, ...rest } = template;
  // Revisions hold templates that were valid; what is made from them is validated again.
  return rest as unknown as PodTemplateSpec;
}

/** Old revisions beyond those that are kept to go back to. `isLive`: a pod has it. */
export function unneededRevisions(
  old: readonly ControllerRevision[],
  { spec }: RevisedObject,
  isLive: (revision: ControllerRevision) => boolean,
): readonly ControllerRevision[] {
  const unused = old.filter((revision) => !isLive(revision));
  return unused.slice(0, Math.max(0, unused.length - (spec.revisionHistoryLimit ?? MAX_INT32)));
}
