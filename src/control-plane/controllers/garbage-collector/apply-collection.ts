/** Writes what was planned for an object. Every write is bound to the version that the plan was made from. */
import { isApiError } from "#api/api-error.ts";
import type { KubeObject } from "#api/kind.ts";
import type { OwnerReference } from "#api/meta/object-meta.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import type { JsonObject } from "#base/json.ts";
import { FOREGROUND_FINALIZER, ORPHAN_FINALIZER } from "../../resources/plan-delete.ts";
import { runLimited } from "../run-limited.ts";
import type { GraphNode } from "./owner-graph.ts";
import { type CollectionPlan, referencesWithout } from "./plan-collection.ts";

export interface Collection {
  readonly node: GraphNode;
  readonly dependents: readonly GraphNode[];
  readonly plan: CollectionPlan;
}

type Client = Pick<ApiClient, "patch" | "delete">;

const PATCHES_AT_ONCE = 16;

export async function applyCollection(client: Client, collection: Collection, signal: AbortSignal): Promise<void> {
  const { node, plan } = collection;
  switch (plan.type) {
    case "none":
    case "wait":
      return;
    case "orphan":
      await orphanDependents(client, collection, signal);
      return await removeFinalizer(client, node, ORPHAN_FINALIZER, signal);
    case "finish":
      return await removeFinalizer(client, node, FOREGROUND_FINALIZER, signal);
    case "keepReferences":
      return await writeReferences(client, node, plan.references, signal);
    case "delete":
      // The changed version comes back by itself, and then it is deleted.
      if (plan.unblocked !== undefined) return await writeReferences(client, node, plan.unblocked, signal);
      return await deleteNode(client, node, plan.propagationPolicy, signal);
    default:
      return plan satisfies never;
  }
}

async function orphanDependents(client: Client, { node, dependents }: Collection, signal: AbortSignal): Promise<void> {
  const { uid = "" } = node.object.metadata;
  const errors = await runLimited(dependents, PATCHES_AT_ONCE, (dependent) =>
    writeReferences(client, dependent, referencesWithout(dependent.object, uid), signal),
  );
  const [first, ...others] = errors;
  if (others.length > 0) throw new AggregateError(errors, `Cannot orphan ${errors.length} dependents of ${uid}`);
  if (first !== undefined) throw first;
}

function writeReferences(
  client: Client,
  node: GraphNode,
  references: readonly OwnerReference[],
  signal: AbortSignal,
): Promise<void> {
  const ownerReferences =
    references.length === 0 ? null : references.map((reference): JsonObject => ({ ...reference }));
  return patchMetadata(client, node, { ownerReferences }, signal);
}

function removeFinalizer(client: Client, node: GraphNode, finalizer: string, signal: AbortSignal): Promise<void> {
  const finalizers = (node.object.metadata.finalizers ?? []).filter((name) => name !== finalizer);
  return patchMetadata(client, node, { finalizers: finalizers.length === 0 ? null : finalizers }, signal);
}

async function patchMetadata(client: Client, { kind, object }: GraphNode, changes: JsonObject, signal: AbortSignal) {
  const { resourceVersion } = object.metadata;
  const body = { metadata: { ...changes, resourceVersion } };
  await unlessGone(client.patch(kind, nameOf(object), { type: "merge", body }, signal));
}

async function deleteNode(
  client: Client,
  { kind, object }: GraphNode,
  propagationPolicy: "Orphan" | "Background" | "Foreground",
  signal: AbortSignal,
): Promise<void> {
  const { uid, resourceVersion } = object.metadata;
  const options = {
    propagationPolicy,
    ...(uid !== undefined && { uid }),
    ...(resourceVersion !== undefined && { resourceVersion }),
  };
  await unlessGone(client.delete(kind, nameOf(object), options, signal));
}

async function unlessGone(write: Promise<unknown>): Promise<void> {
  try {
    await write;
  } catch (error) {
    if (!isApiError(error, "NotFound")) throw error;
  }
}

function nameOf({ metadata }: KubeObject) {
  return { namespace: metadata.namespace, name: metadata.name ?? "" };
}
