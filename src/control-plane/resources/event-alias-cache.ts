/**
 * Events of events.k8s.io are the core group's events with other names: this shows the cache of one kind as that of
 * the other. Each object is converted once, so that identity says here what it says there.
 */
import type { KubeObject } from "#api/kind.ts";
import { eventsEvent, fromCoreEvent, toCoreEvent } from "#api/kinds/event/events-event.ts";
import { event } from "#api/kinds/event.ts";
import { deepFreeze } from "#api/schema/freeze.ts";
import type { CacheEvent, Selector, WatchCache } from "../cache/watch-cache.ts";
import { asKind } from "./stored-object.ts";

/** The cache of core events stays with whoever has it: disposing of this one does nothing. */
export function createEventAliasCache(core: WatchCache): WatchCache {
  const converted = new WeakMap<KubeObject, KubeObject>();
  const fromCore = (object: KubeObject): KubeObject => {
    const known = converted.get(object);
    if (known !== undefined) return known;
    const alias = deepFreeze(fromCoreEvent(asKind(event, object)));
    converted.set(object, alias);
    return alias;
  };
  const onCore =
    (selector: Selector): Selector =>
    (object) =>
      selector(fromCore(object));
  const eventFromCore = (cached: CacheEvent): CacheEvent =>
    cached.type === "BOOKMARK" ? cached : { ...cached, object: fromCore(cached.object) };
  return {
    async get(namespace, name, freshness, signal) {
      const object = await core.get(namespace, name, freshness, signal);
      return object === undefined ? undefined : fromCore(object);
    },
    async list(request, signal) {
      const result = await core.list({ ...request, selector: onCore(request.selector) }, signal);
      return { ...result, objects: result.objects.map(fromCore) };
    },
    watch: (request, watcher, signal) =>
      core.watch(
        { ...request, selector: onCore(request.selector) },
        {
          onEvent: (cached) => watcher.onEvent(eventFromCore(cached)),
          onEnd: (error) => watcher.onEnd(error),
        },
        signal,
      ),
    async write(request, signal) {
      const next = request.next === undefined ? undefined : toCoreEvent(asKind(eventsEvent, request.next));
      return fromCore(await core.write({ ...request, next }, signal));
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}
