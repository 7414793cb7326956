/** Writes what `planRevision` wants, and finds the revisions that belong to an owner. */
import { isApiError } from "#api/api-error.ts";
import type { Kind } from "#api/kind.ts";
import { type ControllerRevision, controllerRevision as revisionKind } from "#api/kinds/controller-revision.ts";
import type { LabelSelector } from "#api/meta/label-selector.ts";
import { jsonEqual } from "#api/schema/json-equal.ts";
import { labelSelectorMatcher } from "#api/selectors/label-selector.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import type { Informer } from "#api-client/informer.ts";
import { applyClaims, planClaims } from "./claim-dependents.ts";
import { isControlledBy } from "./controller-reference.ts";
import type { Orphans } from "./follow-orphans.ts";
import type { RevisedObject, RevisionPlan } from "./plan-revision.ts";
import { isNamespaceTerminating } from "./pod-control.ts";

export interface RevisionKeeper<O extends RevisedObject> {
  readonly client: ApiClient;
  readonly ownerKind: Kind<O>;
  readonly revisions: Pick<Informer<ControllerRevision>, "byIndex">;
  readonly orphans: Orphans<ControllerRevision>;
}

export async function claimRevisions<O extends RevisedObject>(
  { client, ownerKind, revisions, orphans }: RevisionKeeper<O>,
  owner: O,
  selector: LabelSelector | undefined,
  signal: AbortSignal,
): Promise<readonly ControllerRevision[]> {
  const matches = labelSelectorMatcher(selector);
  const owned = revisions.byIndex("owner", owner.metadata.uid ?? "");
  const claims = planClaims(owner, [...owned, ...orphans.of(owner.metadata.namespace)], ({ metadata }) =>
    matches(metadata.labels),
  );
  return await applyClaims({ client, ownerKind, owner, kind: revisionKind }, claims, signal);
}

/**
 * Gives the present revision as it is stored. Undefined when its name belongs to another one: then the owner's
 * collisionCount is written, and the next attempt gets another name; or when its namespace is on its way out.
 */
export async function writeRevision<O extends RevisedObject>(
  { client, ownerKind }: Pick<RevisionKeeper<O>, "client" | "ownerKind">,
  owner: O,
  { current, write }: RevisionPlan,
  signal: AbortSignal,
): Promise<ControllerRevision | undefined> {
  if (write === "none") return current;
  if (write === "renumber") return await client.update(revisionKind, current, signal);
  try {
    return await client.create(revisionKind, current, signal);
  } catch (error) {
    if (isNamespaceTerminating(error)) return undefined;
    if (!isApiError(error, "AlreadyExists")) throw error;
  }
  const { name = "", namespace } = current.metadata;
  const existing = await client.get(revisionKind, { namespace, name }, signal);
  if (isControlledBy(existing, owner) && jsonEqual(existing.data, current.data)) return existing;
  const { status } = owner;
  const next = { ...owner, status: { ...status, collisionCount: (status?.collisionCount ?? 0) + 1 } };
  await client.updateStatus(ownerKind, next, signal);
  return undefined;
}

export async function deleteRevisions(
  client: Pick<ApiClient, "delete">,
  revisions: readonly ControllerRevision[],
  signal: AbortSignal,
): Promise<void> {
  for (const { metadata } of revisions) {
    const { name = "", namespace, uid = "" } = metadata;
    await client.delete(revisionKind, { namespace, name }, { uid }, signal).catch((error: unknown) => {
      if (!isApiError(error, "NotFound")) throw error;
    });
  }
}
