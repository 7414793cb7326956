/**
 * What a new object is before anything is asked of others: what only the server sets is set, what a client may not say
 * is dropped. Source: Kubernetes API reference, ObjectMeta; API conventions, "Spec and Status".
 */
import { badRequestError } from "#api/api-error.ts";
import type { KindNames, KubeObject } from "#api/kind.ts";
import { timeText } from "./stored-object.ts";

/** Kinds whose objects have no metadata.generation, by group; all others count the changes of their spec. */
const WITHOUT_GENERATION: ReadonlySet<string> = new Set([
  "",
  "coordination.k8s.io",
  "events.k8s.io",
  "rbac.authorization.k8s.io",
]);

/** Nodes register themselves with the status that they have. */
const KEEPS_STATUS = new Set(["nodes"]);

export interface NewObject {
  readonly kind: KindNames & { readonly hasStatus: boolean };
  /** As the client sent it, with the namespace of the path. */
  readonly object: KubeObject;
  readonly uid: string;
  readonly now: Date;
}

export function keepsGeneration({ group }: KindNames): boolean {
  return !WITHOUT_GENERATION.has(group);
}

export function planCreate({ kind, object, uid, now }: NewObject): KubeObject {
  const { resourceVersion = "" } = object.metadata;
  if (resourceVersion !== "" && resourceVersion !== "0") {
    throw badRequestError("resourceVersion should not be set on objects to be created");
  }
  const {
    resourceVersion: _version,
    selfLink: _link,
    generation: _generation,
    deletionTimestamp: _deletion,
    deletionGracePeriodSeconds: _grace,
    ...metadata
  } = object.metadata;
  const next: KubeObject = {
    ...object,
    metadata: {
      ...metadata,
      uid,
      creationTimestamp: timeText(now),
      ...(keepsGeneration(kind) && { generation: 1 }),
    },
  };
  if (!kind.hasStatus || (kind.group === "" && KEEPS_STATUS.has(kind.plural))) return next;
  const { status: _status, ...rest } = next;
  return rest;
}
