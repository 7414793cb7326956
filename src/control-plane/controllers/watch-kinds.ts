/**
 * Informers of all kinds that can be deleted, as kinds come and go; but for events, which are many and belong to
 * nobody. Built-in kinds share the informers of everybody; those of custom kinds are this watcher's own, and end when
 * their kind does.
 */
import type { Kind, KubeObject } from "#api/kind.ts";
import { createInformer } from "#api-client/create-informer.ts";
import type { Informer } from "#api-client/informer.ts";
import type { ControllerContext } from "./controller.ts";
import { deletableKinds, type KindSource } from "./kind-source.ts";

export interface KindHandlers {
  onAdd(kind: Kind, object: KubeObject): void;
  onUpdate(kind: Kind, object: KubeObject, old: KubeObject): void;
  onDelete(kind: Kind, object: KubeObject): void;
  /** Its objects are not watched any more; they may be gone or not. */
  onKindGone(kind: Kind): void;
}

export interface KindWatcher extends AsyncDisposable {
  /** Of the kinds that were there at the start. */
  readonly synced: Promise<void>;
}

interface Watched {
  readonly kind: Kind;
  readonly informer: Informer<KubeObject>;
  readonly subscription: Disposable;
}

export function watchKinds(
  { client, informer, log }: Pick<ControllerContext, "client" | "informer" | "log">,
  kinds: KindSource,
  handlers: KindHandlers,
): KindWatcher {
  const watched = new Map<string, Watched>();
  const closing = new Set<Promise<void>>();

  function open(kind: Kind): Watched {
    const onError = (error: unknown): void => log.error("informer failed", { kind: kind.kind, error: String(error) });
    const source = kind.isCustom === true ? createInformer({ client, kind, onError }) : informer(kind);
    const subscription = source.subscribe({
      onAdd: (object) => handlers.onAdd(kind, object),
      onUpdate: (object, old) => handlers.onUpdate(kind, object, old),
      onDelete: (object) => handlers.onDelete(kind, object),
    });
    return { kind, informer: source, subscription };
  }

  function close({ kind, informer: source, subscription }: Watched): void {
    subscription[Symbol.dispose]();
    if (kind.isCustom !== true) return;
    const closed = Promise.resolve(source[Symbol.asyncDispose]()).finally(() => closing.delete(closed));
    closing.add(closed);
  }

  /** A kind that is declared anew has another value, and is watched anew. */
  function follow(): void {
    const followed = deletableKinds(kinds.all()).filter(({ kind }) => kind !== "Event");
    const wanted = new Map(followed.map((kind) => [`${kind.group}/${kind.plural}`, kind]));
    for (const [name, one] of watched) {
      if (wanted.get(name) === one.kind) continue;
      watched.delete(name);
      close(one);
      handlers.onKindGone(one.kind);
    }
    for (const [name, kind] of wanted) if (!watched.has(name)) watched.set(name, open(kind));
  }

  const change = kinds.onChange(follow);
  follow();
  const synced = Promise.all([...watched.values()].map(({ informer: source }) => source.synced)).then(() => undefined);
  synced.catch(() => undefined); // who waits for it hears of it
  return {
    synced,
    async [Symbol.asyncDispose]() {
      change[Symbol.dispose]();
      for (const one of watched.values()) close(one);
      watched.clear();
      await Promise.all(closing);
    },
  };
}
