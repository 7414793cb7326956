/**
 * The annotation in which client-side apply remembers its configuration. When `kubectl apply --server-side` takes over
 * such an object, what the annotation says and the object still has is kubectl's own, not a conflict; and as long as
 * the annotation is there it is kept up to date, so that people can go back.
 * Source: apimachinery's managedfields (last applied manager and updater).
 */
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";
import type { Kind } from "../../kind.ts";
import { getMember } from "../json-members.ts";
import { checkApplied } from "./check-applied.ts";
import { compareFields } from "./compare-fields.ts";
import { difference, type FieldSet } from "./field-set.ts";
import { fieldsOf } from "./fields-of.ts";

const ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration";
/** The manager for which this is done. */
export const KUBECTL = "kubectl";
/** All annotations of an object together. */
const MAX_ANNOTATIONS_LENGTH = 256 * 1024;

/** The fields that the live object has as client-side apply left them. */
export function lastAppliedFields(kind: Kind, live: JsonObject): FieldSet {
  const text = annotationsOf(live)[ANNOTATION];
  const applied = typeof text === "string" ? parseObject(text) : undefined;
  if (applied === undefined || applied["apiVersion"] !== live["apiVersion"]) return undefined;
  if (checkApplied(kind.schema, applied).length > 0) return undefined;
  const changes = compareFields(kind.schema, applied, live);
  const fields = fieldsOf(kind.schema, applied, "applied", false);
  return difference(difference(fields, changes?.changed), changes?.removed);
}

/** The object with the annotation saying this configuration, if it has the annotation. */
export function withLastApplied(object: JsonObject, applied: JsonObject): JsonObject {
  const { [ANNOTATION]: current, ...annotations } = annotationsOf(object);
  const metadata = object["metadata"];
  if (typeof current !== "string" || current === "" || !isJsonObject(metadata)) return object;
  const updated = { ...annotations, [ANNOTATION]: configurationText(applied) };
  const length = Object.entries(updated).reduce((sum, [key, value]) => sum + key.length + String(value).length, 0);
  return {
    ...object,
    metadata: { ...metadata, annotations: length > MAX_ANNOTATIONS_LENGTH ? annotations : updated },
  };
}

function configurationText(applied: JsonObject): string {
  const { [ANNOTATION]: _, ...annotations } = annotationsOf(applied);
  const metadata = applied["metadata"];
  const plain = isJsonObject(metadata) && "annotations" in metadata;
  return `${JSON.stringify(sortMembers(plain ? { ...applied, metadata: { ...metadata, annotations } } : applied))}\n`;
}

/** As Go writes maps. */
function sortMembers(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(sortMembers);
  if (!isJsonObject(value)) return value;
  const members = Object.keys(value).sort();
  return Object.fromEntries(members.map((name) => [name, sortMembers(getMember(value, name) ?? null)]));
}

function annotationsOf(object: JsonObject): JsonObject {
  const metadata = object["metadata"];
  const annotations = isJsonObject(metadata) ? metadata["annotations"] : undefined;
  return isJsonObject(annotations) ? annotations : {};
}

function parseObject(text: string): JsonObject | undefined {
  try {
    const value: JsonValue = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    // Anybody can write the annotation; a broken one says nothing.
    return undefined;
  }
}
