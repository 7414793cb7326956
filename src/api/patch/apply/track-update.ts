/**
 * Who manages what after a create, an update or a patch: the fields that changed are the writer's now, whoever had
 * them before; fields that went away are nobody's. This is on the path of every write, so its cost follows what
 * changed. Source: apimachinery's managedfields.
 */
import { apiVersionOf, type Kind, type KubeObject } from "../../kind.ts";
import { compareObjects, jsonOf } from "./compare-objects.ts";
import { difference, union } from "./field-set.ts";
import {
  capUpdates,
  isWrittenBy,
  type ManagedEntry,
  managedEntry,
  requestedEntries,
  sortEntries,
  storedEntries,
  timeText,
  type Writer,
  withEntries,
  withFields,
} from "./managed-fields.ts";

export interface TrackOptions {
  /** "" is "unknown". */
  readonly fieldManager: string;
  readonly now: Date;
  /** "" for the object itself. */
  readonly subresource: string;
}

/**
 * `next` with its managedFields; `next` itself when they stay as they are. An object whose managedFields were reset
 * is not tracked again until it is applied.
 */
export function trackUpdate(
  kind: Kind,
  old: KubeObject | undefined,
  next: KubeObject,
  options: TrackOptions,
): KubeObject {
  const entries = options.subresource === "" ? requestedEntries(old, next) : storedEntries(old);
  if (old !== undefined && entries.length === 0) return withEntries(next, []);
  return withEntries(next, trackedEntries(kind, old, next, entries, options));
}

function trackedEntries(
  kind: Kind,
  old: KubeObject | undefined,
  next: KubeObject,
  entries: readonly ManagedEntry[],
  { fieldManager, now, subresource }: TrackOptions,
): readonly ManagedEntry[] {
  const changes = compareObjects(kind, old === undefined ? {} : jsonOf(old), jsonOf(next), subresource);
  if (changes === undefined) return sortEntries(entries);
  const { changed, removed } = changes;
  const writer: Writer = {
    manager: fieldManager === "" ? "unknown" : fieldManager,
    operation: "Update",
    apiVersion: apiVersionOf(kind),
    subresource,
  };
  const result: ManagedEntry[] = [];
  let own = changed;
  for (const entry of entries) {
    const isOwn = isWrittenBy(entry, writer);
    const rest = difference(entry.fieldsV1, removed);
    if (isOwn && changed !== undefined) {
      own = union(rest, changed);
      continue;
    }
    const left = withFields(entry, difference(rest, changed));
    if (left !== undefined) result.push(left);
  }
  if (own !== undefined) result.push(managedEntry(writer, own, timeText(now)));
  return sortEntries(capUpdates(result));
}
