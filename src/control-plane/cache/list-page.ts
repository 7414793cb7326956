/** One page of a list, from sorted entries as of one revision. */
import type { KubeObject } from "#api/kind.ts";
import { compareKeys, endOfPrefix } from "../store/key-range.ts";
import type { Revision } from "../store/store.ts";
import { encodeContinueToken } from "./continue-token.ts";
import { firstAtOrBehind, type SnapshotEntry } from "./snapshot.ts";
import type { CacheListRequest, ListResult } from "./watch-cache.ts";

export interface PageRequest extends Pick<CacheListRequest, "namespace" | "selector" | "selectsAll" | "limit"> {
  /** Keys are not less; undefined: from the first. */
  readonly start: string | undefined;
}

export function listPage(entries: readonly SnapshotEntry[], revision: Revision, request: PageRequest): ListResult {
  const { selector, selectsAll, limit = Number.POSITIVE_INFINITY } = request;
  const { first, end } = rangeOf(entries, request);
  const objects: KubeObject[] = [];
  let lastKey = "";
  for (let index = first; index < end; index++) {
    const entry = entries[index];
    if (entry === undefined || !selector(entry.object)) continue;
    if (objects.length === limit) {
      // There is one more, or the list would end here.
      const continueToken = encodeContinueToken({ revision, start: `${lastKey}\0` });
      return { objects, revision, continueToken, remaining: selectsAll ? end - index : undefined };
    }
    objects.push(entry.object);
    lastKey = entry.key;
  }
  return { objects, revision, continueToken: undefined, remaining: selectsAll ? 0 : undefined };
}

function rangeOf(entries: readonly SnapshotEntry[], { namespace, selector, start }: PageRequest) {
  const prefix = namespace === undefined ? "" : `${namespace}/`;
  const name = selector.pins?.["metadata.name"];
  const isOne = name !== undefined && (namespace !== undefined || !isNamespaced(entries));
  const from = isOne ? prefix + name : prefix;
  const behind = isOne ? `${from}\0` : endOfPrefix(prefix);
  const lowest = start !== undefined && compareKeys(start, from) > 0 ? start : from;
  return {
    first: firstAtOrBehind(entries, lowest),
    end: behind === undefined ? entries.length : firstAtOrBehind(entries, behind),
  };
}

/** All keys of a kind look the same. */
function isNamespaced(entries: readonly SnapshotEntry[]): boolean {
  return entries[0]?.key.includes("/") ?? true;
}
