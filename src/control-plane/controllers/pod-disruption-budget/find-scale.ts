/**
 * How many pods the controllers of some pods want: replicas of whatever has a scale, custom kinds too. A ReplicaSet
 * of a Deployment stands for the whole Deployment.
 */
import { isApiError } from "#api/api-error.ts";
import { apiVersionOf, type Kind, type KubeObject } from "#api/kind.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { OwnerReference } from "#api/meta/object-meta.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import { isJsonObject } from "#base/json.ts";
import type { KindSource } from "../kind-source.ts";

export type FoundScale = number | { readonly error: string };

export interface ScaleFinder {
  readonly client: Pick<ApiClient, "get">;
  readonly kinds: Pick<KindSource, "all">;
}

/** Pods without a controller do not count. */
export async function findScale(finder: ScaleFinder, pods: readonly Pod[], signal: AbortSignal): Promise<FoundScale> {
  const controllers = new Map<string, { readonly reference: OwnerReference; readonly namespace: string }>();
  for (const { metadata } of pods) {
    const reference = controllerOf(metadata);
    if (reference !== undefined) controllers.set(reference.uid, { reference, namespace: metadata.namespace ?? "" });
  }
  const scales = new Map<string, number>();
  for (const { reference, namespace } of controllers.values()) {
    const found = await findReplicas(finder, { reference, namespace }, signal);
    if (found === undefined) continue; // it is gone, and its pods will be
    if ("error" in found) return found;
    scales.set(found.uid, found.replicas);
  }
  return [...scales.values()].reduce((sum, replicas) => sum + replicas, 0);
}

interface Sought {
  readonly reference: OwnerReference;
  readonly namespace: string;
}

type Found = { readonly uid: string; readonly replicas: number } | { readonly error: string } | undefined;

async function findReplicas(
  finder: ScaleFinder,
  { reference, namespace }: Sought,
  signal: AbortSignal,
): Promise<Found> {
  const kind = finder.kinds
    .all()
    .find((one) => one.kind === reference.kind && apiVersionOf(one) === reference.apiVersion);
  if (kind?.scale === undefined) {
    const resource = kind === undefined ? reference.kind : `${kind.plural}.${kind.group}`;
    return { error: `${resource} does not implement the scale subresource` };
  }
  const object = await findObject(finder, kind, { reference, namespace }, signal);
  if (object === undefined) return undefined;
  const owner = controllerOf(object.metadata);
  if (owner !== undefined && kind.kind === "ReplicaSet") {
    return await findReplicas(finder, { reference: owner, namespace }, signal);
  }
  return { uid: reference.uid, replicas: numberAt(object, kind.scale.specReplicas) };
}

async function findObject(
  { client }: ScaleFinder,
  kind: Kind,
  { reference, namespace }: Sought,
  signal: AbortSignal,
): Promise<KubeObject | undefined> {
  try {
    const object = await client.get(kind, { namespace, name: reference.name }, signal);
    return object.metadata.uid === reference.uid ? object : undefined;
  } catch (error) {
    if (isApiError(error, "NotFound")) return undefined;
    throw error;
  }
}

function controllerOf({ ownerReferences = [] }: KubeObject["metadata"]): OwnerReference | undefined {
  return ownerReferences.find(({ controller }) => controller === true);
}

/** "spec.replicas" */
function numberAt(object: KubeObject, path: string): number {
  const value = path.split(".").reduce<unknown>((at, name) => (isJsonObject(at) ? at[name] : undefined), object);
  return typeof value === "number" ? value : 0;
}
