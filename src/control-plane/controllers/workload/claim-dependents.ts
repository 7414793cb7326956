/**
 * Which objects belong to an owner: those that say so and match its selector, and those that match and belong to
 * nobody. The first that do not match any more are released, the others adopted; both are writes with the
 * resourceVersion that was looked at, so that two owners never adopt the same object.
 * Source: Kubernetes documentation, "ReplicaSet" (non-template pod acquisitions, isolating pods).
 */
import { isApiError } from "#api/api-error.ts";
import type { Kind, KubeObject } from "#api/kind.ts";
import type { ObjectMeta } from "#api/meta/object-meta.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import { controllerOf, controllerReference, isControlledBy } from "./controller-reference.ts";
import { isTerminating } from "./pod-state.ts";

export interface ClaimPlan<D> {
  readonly kept: readonly D[];
  readonly adopted: readonly D[];
  readonly released: readonly D[];
}

/** `candidates`: dependents of the owner and objects of its namespace that have no controller. */
export function planClaims<D extends KubeObject>(
  owner: KubeObject,
  candidates: readonly D[],
  matches: (object: D) => boolean,
): ClaimPlan<D> {
  const isOwnerGoing = isTerminating(owner);
  const mine = candidates.filter((object) => isControlledBy(object, owner));
  const orphans = candidates.filter(
    (object) => controllerOf(object) === undefined && object.metadata.namespace === owner.metadata.namespace,
  );
  return {
    kept: mine.filter(matches),
    adopted: isOwnerGoing ? [] : orphans.filter((object) => !isTerminating(object) && matches(object)),
    released: isOwnerGoing ? [] : mine.filter((object) => !matches(object)),
  };
}

export interface Claiming<O extends KubeObject, D extends KubeObject> {
  readonly client: Pick<ApiClient, "get" | "update">;
  readonly ownerKind: Kind<O>;
  readonly owner: O;
  readonly kind: Kind<D>;
}

/** Gives the objects that are the owner's then. Rejects when an object has changed meanwhile: look again. */
export async function applyClaims<O extends KubeObject, D extends KubeObject>(
  claiming: Claiming<O, D>,
  { kept, adopted, released }: ClaimPlan<D>,
  signal: AbortSignal,
): Promise<readonly D[]> {
  const { client, ownerKind, owner, kind } = claiming;
  if (adopted.length === 0 && released.length === 0) return kept;
  for (const object of released) {
    const ownerReferences = object.metadata.ownerReferences?.filter(({ uid }) => uid !== owner.metadata.uid);
    await writeIfThere(client, kind, withMetadata(object, { ownerReferences }), signal);
  }
  if (adopted.length === 0 || !(await isStillThere(claiming, signal))) return kept;
  const reference = controllerReference(ownerKind, owner);
  const written: D[] = [];
  for (const object of adopted) {
    const others = object.metadata.ownerReferences?.filter(({ uid }) => uid !== reference.uid) ?? [];
    const next = withMetadata(object, { ownerReferences: [...others, reference] });
    const result = await writeIfThere(client, kind, next, signal);
    if (result !== undefined) written.push(result);
  }
  return [...kept, ...written];
}

/** The informer may lag behind: an owner that was deleted with its orphans left alone must not take them back. */
async function isStillThere<O extends KubeObject, D extends KubeObject>(
  { client, ownerKind, owner: { metadata } }: Claiming<O, D>,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const live = await client.get(ownerKind, { namespace: metadata.namespace, name: metadata.name ?? "" }, signal);
    return live.metadata.uid === metadata.uid && !isTerminating(live);
  } catch (error) {
    if (isApiError(error, "NotFound")) return false;
    throw error;
  }
}

async function writeIfThere<D extends KubeObject>(
  client: Pick<ApiClient, "update">,
  kind: Kind<D>,
  object: D,
  signal: AbortSignal,
): Promise<D | undefined> {
  try {
    return await client.update(kind, object, signal);
  } catch (error) {
    if (isApiError(error, "NotFound")) return undefined;
    throw error;
  }
}

function withMetadata<D extends KubeObject>(object: D, changes: Partial<ObjectMeta>): D {
  return { ...object, metadata: { ...object.metadata, ...changes } };
}
