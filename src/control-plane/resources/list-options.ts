/**
 * What a list or a watch may ask for, and what it means for the cache. The texts are the API server's.
 * Source: Kubernetes API reference, ListOptions; documentation, "Resource versions" (the tables of semantics).
 */
import { badRequestError, invalidError } from "#api/api-error.ts";
import { type FieldError, forbidden, notSupported } from "#api/field-error.ts";
import type { Kind, KubeObject } from "#api/kind.ts";
import { parseFieldSelector } from "#api/selectors/parse-field-selector.ts";
import { parseLabelSelector } from "#api/selectors/parse-label-selector.ts";
import type { CacheListRequest, CacheWatchRequest, Selector } from "../cache/watch-cache.ts";
import type { Revision } from "../store/store.ts";
import type { ListOptions, Target, WatchOptions } from "./resource-api.ts";

export type Freshness = CacheListRequest["freshness"];

const EXACT = "Exact";
const NOT_OLDER_THAN = "NotOlderThan";

/** undefined: the most recent; 0: any. */
export function parseRevision(text: string | undefined): Revision | undefined {
  if (text === undefined || text === "") return undefined;
  const revision = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(revision)) return revision;
  const quoted = JSON.stringify(text);
  const problem = /^\d+$/.test(text) ? "value out of range" : "invalid syntax";
  throw badRequestError(
    `invalid resource version: resourceVersion: Invalid value: ${quoted}: strconv.ParseUint: parsing ${quoted}: ${problem}`,
  );
}

export function planList(target: Target, options: ListOptions): CacheListRequest {
  throwInvalid(checkListOptions(options));
  const { limit, continue: continueToken } = options;
  const { selector, selectsAll } = planSelector(target, options);
  return {
    namespace: target.namespace,
    selector,
    selectsAll,
    freshness: planFreshness(options),
    ...(limit !== undefined && limit > 0 && { limit }),
    ...(continueToken !== undefined && { continueToken }),
  };
}

function planFreshness(options: ListOptions): Freshness {
  const revision = parseRevision(options.resourceVersion);
  if (options.continue !== undefined && revision !== undefined && revision !== 0) {
    throw badRequestError("specifying resource version is not allowed when using continue");
  }
  if (revision === undefined) return "latest";
  if (revision === 0) return "any";
  return options.resourceVersionMatch === EXACT ? { exactly: revision } : { atLeast: revision };
}

export interface WatchPlan {
  readonly request: Omit<CacheWatchRequest, "after">;
  /**
   * Where events begin: after a revision, after the newest one, or with an ADDED for everything that is there, as fresh
   * as a list would be.
   */
  readonly start:
    | { readonly type: "after"; readonly revision: Revision }
    | { readonly type: "now" }
    | { readonly type: "initial"; readonly freshness: Exclude<Freshness, { readonly exactly: Revision }> };
}

/** The API server's: how long before its end a watch gets a last bookmark. */
const BOOKMARK_AHEAD_MS = 2_000;

export function planWatch(target: Target, options: WatchOptions): WatchPlan {
  throwInvalid(checkWatchOptions(options));
  const { allowWatchBookmarks, sendInitialEvents, timeoutMs = 0 } = options;
  const { selector } = planSelector(target, options);
  return {
    request: {
      namespace: target.namespace,
      selector,
      wantsBookmarks: allowWatchBookmarks,
      marksInitialEvents: sendInitialEvents === true && allowWatchBookmarks,
      ...(allowWatchBookmarks && timeoutMs > BOOKMARK_AHEAD_MS && { bookmarkAfterMs: timeoutMs - BOOKMARK_AHEAD_MS }),
    },
    start: planStart(parseRevision(options.resourceVersion), sendInitialEvents),
  };
}

function planStart(revision: Revision | undefined, sendInitialEvents: boolean | undefined): WatchPlan["start"] {
  if (sendInitialEvents === true) {
    if (revision === undefined) return { type: "initial", freshness: "latest" };
    return { type: "initial", freshness: revision === 0 ? "any" : { atLeast: revision } };
  }
  if (revision !== undefined && revision !== 0) return { type: "after", revision };
  return sendInitialEvents === false ? { type: "now" } : { type: "initial", freshness: "any" };
}

export function checkListOptions(options: ListOptions): readonly FieldError[] {
  const { resourceVersion = "", resourceVersionMatch: match = "", continue: token = "" } = options;
  if (match === "") return [];
  const path = "resourceVersionMatch";
  return [
    ...(resourceVersion === ""
      ? [forbidden(path, "resourceVersionMatch is forbidden unless resourceVersion is provided")]
      : []),
    ...(token === "" ? [] : [forbidden(path, "resourceVersionMatch is forbidden when continue is provided")]),
    ...(match === EXACT || match === NOT_OLDER_THAN ? [] : [notSupported(path, match, [EXACT, NOT_OLDER_THAN, ""])]),
    ...(match === EXACT && resourceVersion === "0"
      ? [forbidden(path, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"')]
      : []),
  ];
}

export function checkWatchOptions(options: WatchOptions): readonly FieldError[] {
  const { sendInitialEvents, resourceVersionMatch: match = "", continue: token = "" } = options;
  const path = "resourceVersionMatch";
  return [
    ...(sendInitialEvents !== undefined && match !== NOT_OLDER_THAN
      ? [forbidden(path, `sendInitialEvents requires setting resourceVersionMatch to ${NOT_OLDER_THAN}`)]
      : []),
    ...(match !== "" && sendInitialEvents === undefined
      ? [forbidden(path, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided")]
      : []),
    ...(match !== "" && match !== NOT_OLDER_THAN ? [notSupported(path, match, [NOT_OLDER_THAN])] : []),
    ...(match !== "" && token !== ""
      ? [forbidden(path, "resourceVersionMatch is forbidden when continue is provided")]
      : []),
  ];
}

function throwInvalid(errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalidError({ group: "meta.k8s.io", kind: "ListOptions" }, "", errors);
}

/** Labels, fields and the name in the path, as one test. */
function planSelector(
  { kind, name }: { readonly kind: Kind; readonly name: string | undefined },
  { labelSelector = "", fieldSelector = "" }: ListOptions,
): { readonly selector: Selector; readonly selectsAll: boolean } {
  const labels = labelSelector === "" ? undefined : parseLabelSelector(labelSelector);
  const fields = fieldSelector === "" ? undefined : parseFieldSelector(kind, fieldSelector);
  const tests: readonly ((object: KubeObject) => boolean)[] = [
    ...(name === undefined ? [] : [({ metadata }: KubeObject) => metadata.name === name]),
    ...(labels === undefined || labels.selectsAll
      ? []
      : [({ metadata }: KubeObject) => labels.matches(metadata.labels)]),
    ...(fields === undefined || fields.selectsAll ? [] : [fields.matches]),
  ];
  const pins = Object.fromEntries(
    PINNED_FIELDS.flatMap((field) => {
      const value = fields?.pinned(field) ?? (field === "metadata.name" ? name : undefined);
      return value === undefined ? [] : [[field, value]];
    }),
  );
  return { selector: Object.assign(allOf(tests), { pins }), selectsAll: tests.length === 0 };
}

/** What most watchers that want few objects ask for: one object, or a node's pods. */
const PINNED_FIELDS = ["metadata.name", "spec.nodeName"] as const;

function allOf(tests: readonly ((object: KubeObject) => boolean)[]): (object: KubeObject) => boolean {
  return (object) => {
    for (const test of tests) if (!test(object)) return false;
    return true;
  };
}
