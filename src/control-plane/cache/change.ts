/**
 * One write as the watchers of a kind see it. Whoever selects differently gets another type of event for it, but all
 * who get the same get the same frozen object.
 */
import type { KubeObject } from "#api/kind.ts";
import type { Revision } from "../store/store.ts";
import { withRevision } from "./stored-text.ts";
import type { CacheEvent, Selector } from "./watch-cache.ts";

export interface Change {
  readonly key: string;
  readonly revision: Revision;
  /** What is there now; undefined: nothing. */
  readonly object: KubeObject | undefined;
  /** What was there before; undefined: nothing. */
  readonly previous: KubeObject | undefined;
  /** `previous` with this change's revision, as watchers get it that lose sight of the object; made on demand. */
  departed?: KubeObject;
}

export interface View {
  readonly namespace: string | undefined;
  readonly selector: Selector;
}

/** undefined: the change is none for this view. */
export function eventFor(change: Change, { namespace, selector }: View): CacheEvent | undefined {
  const { object, previous, revision } = change;
  if (namespace !== undefined && !isInNamespace(change.key, namespace)) return undefined;
  const was = previous !== undefined && selector(previous);
  if (object !== undefined && selector(object)) return { type: was ? "MODIFIED" : "ADDED", object, revision };
  return was ? { type: "DELETED", object: departedOf(change, previous), revision } : undefined;
}

/** The last state, with the revision at which it went. */
export function departedOf(change: Change, previous: KubeObject): KubeObject {
  change.departed ??= withRevision(previous, change.revision);
  return change.departed;
}

export function isInNamespace(key: string, namespace: string): boolean {
  return key.startsWith(namespace) && key[namespace.length] === "/";
}
