/**
 * Server-side apply: a configuration states all that its manager wants to say about an object. It is merged into the
 * live object, what the manager said last time and nobody says now is removed, and what others manage with other
 * values is a conflict unless it is forced.
 * Source: Kubernetes, "Server-Side Apply"; structured-merge-diff.
 */
import { isJsonObject, type JsonObject } from "#base/json.ts";
import { apiVersionOf, type Kind, type KubeObject } from "../../kind.ts";
import { jsonEqual } from "../../schema/json-equal.ts";
import { badPatchError } from "../patch-error.ts";
import { type ApplyConflict, applyConflictError } from "./apply-conflict.ts";
import { checkApplied } from "./check-applied.ts";
import { compareObjects, jsonOf } from "./compare-objects.ts";
import { difference, type FieldSet, intersection, setsEqual, union } from "./field-set.ts";
import { fieldsOf } from "./fields-of.ts";
import { KUBECTL, lastAppliedFields, withLastApplied } from "./last-applied.ts";
import {
  isWrittenBy,
  type ManagedEntry,
  managedEntry,
  sortEntries,
  storedEntries,
  timeText,
  type Writer,
  withEntries,
  withFields,
} from "./managed-fields.ts";
import { mergeApplied } from "./merge-applied.ts";
import { removeAbandoned } from "./remove-fields.ts";
import { trackUpdate } from "./track-update.ts";
import { trackedSet, withoutServerNulls } from "./tracked-fields.ts";

export interface ApplyOptions {
  readonly fieldManager: string;
  /** Take over what others manage. */
  readonly force: boolean;
  readonly now: Date;
  /** "" for the object itself. */
  readonly subresource: string;
}

/** Owner of what was there before the first apply to an object without managedFields. */
const BEFORE_FIRST_APPLY = "before-first-apply";

/**
 * The object as it should be, with managedFields; without defaults and not validated yet. It is `current` itself when
 * the apply changes nothing. Throws ApiError: 400 for a configuration that does not fit the kind, 409 for conflicts.
 */
export function serverSideApply(
  kind: Kind,
  current: KubeObject | undefined,
  patch: JsonObject,
  options: ApplyOptions,
): KubeObject {
  checkConfiguration(kind, patch);
  const live = current === undefined ? undefined : tracked(kind, current, options);
  const liveJson: JsonObject = live === undefined ? {} : jsonOf(live);
  const entries = storedEntries(live);
  const writer: Writer = {
    manager: options.fieldManager,
    operation: "Apply",
    apiVersion: apiVersionOf(kind),
    subresource: options.subresource,
  };

  const last = entries.find((entry) => isWrittenBy(entry, writer));
  const others = entries.filter((entry) => entry !== last);
  const applied = fieldsOf(kind.schema, patch, "applied", false);
  const merged = mergeApplied(kind.schema, liveJson, withoutServerNulls(patch));
  if (!isJsonObject(merged)) throw badPatchError("expected map");
  const owned = others.reduce<FieldSet>((set, entry) => union(set, entry.fieldsV1), applied);
  const wanted = removeAbandoned(kind.schema, merged, { last: last?.fieldsV1, owned });

  const changes = compareObjects(kind, liveJson, wanted, options.subresource);
  const conflicts = findConflicts(others, changes?.changed);
  if (!options.force) refuseConflicts(kind, liveJson, conflicts, options.fieldManager);

  const lost = union(changes?.changed, changes?.removed);
  const rest = others.flatMap((entry) => withFields(entry, difference(entry.fieldsV1, lost)) ?? []);
  const own = ownEntry(writer, last, trackedSet(kind, options.subresource, applied), {
    isChanged: changes !== undefined,
    now: options.now,
  });
  const next = options.fieldManager === KUBECTL ? withLastApplied(wanted, patch) : wanted;
  return result(current, next, sortEntries(own === undefined ? rest : [...rest, own]));
}

function checkConfiguration(kind: Kind, patch: JsonObject): void {
  const apiVersion = apiVersionOf(kind);
  if (patch["apiVersion"] !== apiVersion || patch["kind"] !== kind.kind) {
    const [group, version] = splitApiVersion(String(patch["apiVersion"] ?? ""));
    throw badPatchError(`invalid object type: ${group}/${version}, Kind=${String(patch["kind"] ?? "")}`);
  }
  const metadata = patch["metadata"];
  const { name, namespace, managedFields } = isJsonObject(metadata) ? metadata : {};
  if (managedFields !== undefined && managedFields !== null) throw badPatchError("metadata.managedFields must be nil");
  const problems = checkApplied(kind.schema, patch);
  if (problems.length === 0) return;
  const where = `${String(namespace ?? "")}/${String(name ?? "")}; ${apiVersion}, Kind=${kind.kind}`;
  const text =
    problems.length === 1 ? problems[0] : ["errors:", ...problems.map((problem) => `  ${problem}`)].join("\n");
  throw badPatchError(`failed to create typed patch object (${where}): ${text}`);
}

function splitApiVersion(apiVersion: string): readonly [group: string, version: string] {
  const slash = apiVersion.indexOf("/");
  return slash < 0 ? ["", apiVersion] : [apiVersion.slice(0, slash), apiVersion.slice(slash + 1)];
}

/** The live object, whose fields get an owner now if nobody kept track of them. */
function tracked(kind: Kind, current: KubeObject, { now, subresource }: ApplyOptions): KubeObject {
  if (storedEntries(current).length > 0) return current;
  const { managedFields: _, ...metadata } = current.metadata;
  const untracked = { ...current, metadata };
  return trackUpdate(kind, undefined, untracked, { fieldManager: BEFORE_FIRST_APPLY, now, subresource });
}

function findConflicts(others: readonly ManagedEntry[], changed: FieldSet): readonly ApplyConflict[] {
  return others.flatMap((entry) => {
    const fields = intersection(entry.fieldsV1, changed);
    return fields === undefined ? [] : [{ entry, fields }];
  });
}

function refuseConflicts(
  kind: Kind,
  live: JsonObject,
  conflicts: readonly ApplyConflict[],
  fieldManager: string,
): void {
  if (conflicts.length === 0) return;
  const own = fieldManager === KUBECTL ? lastAppliedFields(kind, live) : undefined;
  const left = conflicts.flatMap(({ entry, fields }) => {
    const rest = difference(fields, own);
    return rest === undefined ? [] : [{ entry, fields: rest }];
  });
  if (left.length > 0) throw applyConflictError(left);
}

function ownEntry(
  writer: Writer,
  last: ManagedEntry | undefined,
  fields: FieldSet,
  { isChanged, now }: { readonly isChanged: boolean; readonly now: Date },
): ManagedEntry | undefined {
  if (fields === undefined) return undefined;
  if (last === undefined || isChanged || !setsEqual(last.fieldsV1, fields) || last.apiVersion !== writer.apiVersion) {
    return managedEntry(writer, fields, timeText(now));
  }
  return last;
}

function result(current: KubeObject | undefined, next: JsonObject, entries: readonly ManagedEntry[]): KubeObject {
  const { apiVersion, kind, metadata } = next;
  // The configuration fits the schema, so what was merged has the shape of an object of the kind.
  const object = { ...next, apiVersion, kind, metadata: metadata ?? {} } as unknown as KubeObject;
  const managed = withEntries(object, entries);
  if (current === undefined) return managed;
  return jsonEqual(jsonOf(managed), jsonOf(current)) ? current : managed;
}
