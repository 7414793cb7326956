/** Small things that the tests of caches share. */
import assert from "node:assert/strict";
import type { KubeObject } from "#api/kind.ts";
import type { Revision } from "../../store/store.ts";
import type { CacheEvent, CacheListRequest, CacheWatchRequest, ListResult, WatchCache } from "../watch-cache.ts";

export const never = new AbortController().signal;
export const configMaps = { group: "", plural: "configmaps" };

export interface ConfigMapFields {
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly value?: string;
}

export function configMap(
  name: string,
  { namespace = "default", labels = {}, value = "" }: ConfigMapFields = {},
): KubeObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace, labels }, data: { value } };
}

export function revisionOf(object: KubeObject | undefined): Revision {
  return Number(object?.metadata.resourceVersion ?? 0);
}

/** Creates, or replaces what is there. */
export async function apply(cache: WatchCache, next: KubeObject): Promise<KubeObject> {
  const { namespace, name = "" } = next.metadata;
  const current = await cache.get(namespace, name, "latest", never);
  return cache.write({ namespace, name, next, expected: revisionOf(current) }, never);
}

export async function remove(cache: WatchCache, namespace: string, name: string): Promise<KubeObject> {
  const current = await cache.get(namespace, name, "latest", never);
  return cache.write({ namespace, name, next: undefined, expected: revisionOf(current) }, never);
}

export function listAll(cache: WatchCache, request: Partial<CacheListRequest> = {}): Promise<ListResult> {
  const all: CacheListRequest = { namespace: undefined, selector: () => true, selectsAll: true, freshness: "latest" };
  return cache.list({ ...all, ...request }, never);
}

export function namesOf({ objects }: Pick<ListResult, "objects">): readonly (string | undefined)[] {
  return objects.map(({ metadata }) => metadata.name);
}

export interface RecordedWatch extends Disposable {
  readonly events: CacheEvent[];
  /** "ADDED one 5", with a bookmark's revision only. */
  readonly lines: readonly string[];
  found(matches: (event: CacheEvent) => boolean): Promise<CacheEvent>;
  ended: Promise<Error>;
}

export async function recordEvents(
  cache: WatchCache,
  request: Partial<CacheWatchRequest> = {},
): Promise<RecordedWatch> {
  const events: CacheEvent[] = [];
  const waiting = new Set<() => void>();
  const { promise: ended, resolve: onEnd } = Promise.withResolvers<Error>();
  const all: CacheWatchRequest = {
    namespace: undefined,
    selector: () => true,
    after: undefined,
    marksInitialEvents: false,
    wantsBookmarks: false,
  };
  const onEvent = (event: CacheEvent): boolean => {
    events.push(event);
    for (const check of waiting) check();
    return true;
  };
  const handle = await cache.watch({ ...all, ...request }, { onEvent, onEnd }, never);
  return {
    events,
    get lines() {
      return events.map(lineOf);
    },
    found(matches) {
      const { promise, resolve, reject } = Promise.withResolvers<CacheEvent>();
      const timer = setTimeout(() => reject(new Error(`no such event among ${events.map(lineOf)}`)), 60_000);
      const check = (): void => {
        const event = events.find(matches);
        if (event === undefined) return;
        waiting.delete(check);
        clearTimeout(timer);
        resolve(event);
      };
      waiting.add(check);
      check();
      return promise;
    },
    ended,
    [Symbol.dispose]: () => handle[Symbol.dispose](),
  };
}

function lineOf(event: CacheEvent): string {
  if (event.type === "BOOKMARK") return `BOOKMARK ${event.revision}${event.endsInitialEvents ? " initial" : ""}`;
  assert.ok(Object.isFrozen(event.object) && Object.isFrozen(event.object.metadata.labels), "not frozen");
  return `${event.type} ${event.object.metadata.name} ${event.object.metadata.resourceVersion}`;
}
