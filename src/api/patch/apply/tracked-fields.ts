/**
 * Which fields of an object can have managers. What the server keeps about an object has none; neither has the part
 * that a write through this path cannot change: the status, or through the status subresource everything else.
 */
import { isJsonObject, type JsonObject } from "#base/json.ts";
import type { Kind } from "../../kind.ts";
import type { MutableObject } from "../json-members.ts";
import { difference, FIELD, type FieldNode, type FieldSet, type MutableNode, nodeOf } from "./field-set.ts";
import { memberOfStep, memberStep, SELF } from "./path-element.ts";

const SERVER_METADATA: ReadonlySet<string> = new Set([
  ...["name", "namespace", "uid", "resourceVersion", "generation", "selfLink", "creationTimestamp", "managedFields"],
  ...["deletionTimestamp", "deletionGracePeriodSeconds"],
]);

/** The same, and metadata itself. */
const SERVER_FIELDS: FieldNode = {
  [SELF]: FIELD,
  ...Object.fromEntries([...SERVER_METADATA].map((name) => [memberStep(name), FIELD])),
};

const UNTRACKED: ReadonlySet<string> = new Set(["apiVersion", "kind"]);

/** Whether writes to this path track the member of the object itself. */
export function isTrackedMember(kind: Kind, subresource: string, name: string): boolean {
  if (UNTRACKED.has(name)) return false;
  if (!kind.hasStatus) return true;
  return subresource === "status" ? name === "status" || name === "metadata" : name !== "status";
}

/** metadata without what the server keeps. */
export function trackedMetadata(metadata: JsonObject): JsonObject {
  const tracked: MutableObject = {};
  for (const name in metadata) {
    const value = metadata[name];
    if (value !== undefined && !SERVER_METADATA.has(name)) tracked[name] = value;
  }
  return tracked;
}

/** The tracked part of a set that covers the whole object. */
export function trackedSet(kind: Kind, subresource: string, set: FieldSet): FieldSet {
  if (set === undefined) return undefined;
  const tracked: MutableNode = {};
  for (const [step, node] of Object.entries(set)) {
    const name = memberOfStep(step);
    if (name === undefined || !isTrackedMember(kind, subresource, name)) continue;
    const rest = name === "metadata" ? difference(node, SERVER_FIELDS) : node;
    if (rest !== undefined) tracked[step] = rest;
  }
  return nodeOf(tracked, false);
}

/** Generated manifests say `creationTimestamp: null`, which does not ask for anything. */
export function withoutServerNulls(applied: JsonObject): JsonObject {
  const { metadata, ...rest } = applied;
  if (!isJsonObject(metadata)) return rest;
  const entries = Object.entries(metadata).filter(([name, value]) => value !== null || !SERVER_METADATA.has(name));
  return { ...applied, metadata: Object.fromEntries(entries) };
}
