/** Small steps on objects, for code that knows only what all kinds have in common. Objects are frozen: copies are made. */
import { apiVersionOf, type Kind, type KubeObject } from "#api/kind.ts";
import type { ObjectMeta } from "#api/meta/object-meta.ts";
import type { JsonObject } from "#base/json.ts";
import type { Revision } from "../store/store.ts";

/** Objects come from JSON and go to JSON; their types only say more about the members. */
export function asJson(object: KubeObject): JsonObject {
  return object as KubeObject & JsonObject;
}

/** The object with the type of its kind. Throws when it is of another one. */
export function asKind<O extends KubeObject>(kind: Kind<O>, object: KubeObject): O {
  if (object.kind !== kind.kind || object.apiVersion !== apiVersionOf(kind)) {
    throw new TypeError(`Cannot use ${object.apiVersion} ${object.kind} as ${apiVersionOf(kind)} ${kind.kind}`);
  }
  // Whatever is stored under a kind was decoded by its schema.
  return object as O;
}

export function withMetadata<O extends KubeObject>(object: O, changes: Partial<ObjectMeta>): O {
  return { ...object, metadata: { ...object.metadata, ...changes } };
}

/** The object without these members of its metadata. */
export function withoutMetadata<O extends KubeObject>(object: O, ...names: readonly (keyof ObjectMeta)[]): O {
  const metadata: Partial<Record<keyof ObjectMeta, unknown>> = { ...object.metadata };
  for (const name of names) delete metadata[name];
  // Every member of the metadata is optional.
  return { ...object, metadata: metadata as ObjectMeta };
}

/** The store's revision of an object that was read from a cache. */
export function revisionOf(object: KubeObject): Revision {
  const revision = Number(object.metadata.resourceVersion);
  if (!Number.isSafeInteger(revision) || revision < 1) {
    throw new TypeError(
      `Cannot read resourceVersion ${JSON.stringify(object.metadata.resourceVersion)} of a stored object`,
    );
  }
  return revision;
}

/** "2024-05-01T10:00:00Z": whole seconds, as in all of Kubernetes' `Time` fields. */
export function timeText(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}
