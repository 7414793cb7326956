/** Objects as the store has them, JSON without resourceVersion, and as the API has them: frozen, with it. */
import { internalError } from "#api/api-error.ts";
import type { KubeObject } from "#api/kind.ts";
import { deepFreeze } from "#api/schema/freeze.ts";
import { isJsonObject } from "#base/json.ts";
import type { Revision } from "../store/store.ts";
import { keepEqualParts } from "./keep-equal-parts.ts";
import { createFieldSetPool, withSharedFieldSets } from "./share-field-sets.ts";

const fieldSets = createFieldSetPool();

export function encodeStored(object: KubeObject): string {
  const { resourceVersion: _, ...metadata } = object.metadata;
  return JSON.stringify({ ...object, metadata });
}

/** `last`: the state before, whose equal parts are kept. Throws ApiError 500 when no object has been stored. */
export function decodeStored(text: string, revision: Revision, key: string, last?: KubeObject): KubeObject {
  const value = parse(text, key);
  const metadata = isJsonObject(value) ? value["metadata"] : undefined;
  if (!isJsonObject(metadata)) throw internalError(`the store has no object as "${key}"`);
  // Fresh from the parser: nobody else has seen it without.
  Object.assign(metadata, { resourceVersion: String(revision) });
  // Only objects of a kind are stored, after their schema has read them.
  const object = value as KubeObject;
  const { managedFields } = object.metadata;
  if (managedFields !== undefined) Object.assign(metadata, { managedFields: shared(managedFields) });
  return deepFreeze(last === undefined ? object : keepEqualParts(last, object));
}

function parse(text: string, key: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw internalError(`the store has no JSON as "${key}"`, cause);
  }
}

/** A frozen copy; what is below metadata is shared. `last`: the state before, whose equal parts are kept. */
export function withRevision(object: KubeObject, revision: Revision, last?: KubeObject): KubeObject {
  const { managedFields } = object.metadata;
  const copy: KubeObject = {
    ...object,
    metadata: {
      ...object.metadata,
      resourceVersion: String(revision),
      ...(managedFields !== undefined && { managedFields: shared(managedFields) }),
    },
  };
  return deepFreeze(last === undefined ? copy : keepEqualParts(last, copy));
}

function shared(managedFields: NonNullable<KubeObject["metadata"]["managedFields"]>) {
  // What is stored was an array when its schema read it; what others have stored may be anything.
  return Array.isArray(managedFields) ? withSharedFieldSets(fieldSets, managedFields) : managedFields;
}

export function revisionOf(object: KubeObject): Revision {
  return Number(object.metadata.resourceVersion);
}
