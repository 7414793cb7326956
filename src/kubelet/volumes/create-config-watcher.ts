/**
 * Follows the ConfigMaps and Secrets that pods of this node name, each by itself: a node may read no others. Pods that
 * name the same share its watch.
 */
import { configMap } from "#api/kinds/config-map.ts";
import { secret } from "#api/kinds/secret.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import { createInformer } from "#api-client/create-informer.ts";

export interface ConfigReferences {
  readonly configMaps: ReadonlySet<string>;
  readonly secrets: ReadonlySet<string>;
}

export interface ConfigWatcher extends AsyncDisposable {
  /** What the pod names now. */
  follow(uid: string, namespace: string, references: ConfigReferences): void;
  forget(uid: string): void;
}

export interface ConfigWatcherOptions {
  readonly client: Pick<ApiClient, "list" | "watch">;
  /** One of its objects came, changed or went. */
  onChange(uid: string): void;
  onError(what: string, error: unknown): void;
}

interface Watched {
  readonly uids: Set<string>;
  readonly watch: AsyncDisposable;
}

export function createConfigWatcher({ client, onChange, onError }: ConfigWatcherOptions): ConfigWatcher {
  const watched = new Map<string, Watched>();
  const keysOf = new Map<string, ReadonlySet<string>>();
  /** Watches that end. */
  const ending = new Set<Promise<void>>();

  function start(kind: "configmap" | "secret", namespace: string, name: string): Watched {
    const uids = new Set<string>();
    const query = { namespace, fieldSelector: `metadata.name=${name}` };
    const report = (error: unknown): void => onError(`${kind} "${namespace}/${name}"`, error);
    const changed = (): void => {
      for (const uid of uids) onChange(uid);
    };
    const informer =
      kind === "secret"
        ? createInformer({ client, kind: secret, query, onError: report })
        : createInformer({ client, kind: configMap, query, onError: report });
    const handlers = {
      onAdd: () => {
        if (informer.hasSynced()) changed();
      },
      onUpdate: changed,
      onDelete: changed,
    };
    informer.subscribe(handlers);
    // The pod may have read it before it was watched.
    informer.synced.then(changed, () => undefined);
    return { uids, watch: informer };
  }

  function release(uid: string, keys: Iterable<string>): void {
    for (const key of keys) {
      const found = watched.get(key);
      found?.uids.delete(uid);
      if (found === undefined || found.uids.size > 0) continue;
      watched.delete(key);
      const end = Promise.resolve(found.watch[Symbol.asyncDispose]()).finally(() => ending.delete(end));
      ending.add(end);
    }
  }

  return {
    follow(uid, namespace, { configMaps, secrets }) {
      const wanted = [
        ...Array.from(configMaps, (name) => ["configmap", name] as const),
        ...Array.from(secrets, (name) => ["secret", name] as const),
      ];
      const keys = new Set<string>();
      for (const [kind, name] of wanted) {
        const key = `${kind}/${namespace}/${name}`;
        keys.add(key);
        const found = watched.get(key) ?? start(kind, namespace, name);
        watched.set(key, found);
        found.uids.add(uid);
      }
      release(
        uid,
        [...(keysOf.get(uid) ?? [])].filter((key) => !keys.has(key)),
      );
      if (keys.size > 0) keysOf.set(uid, keys);
      else keysOf.delete(uid);
    },
    forget(uid) {
      release(uid, keysOf.get(uid) ?? []);
      keysOf.delete(uid);
    },
    async [Symbol.asyncDispose]() {
      for (const uid of [...keysOf.keys()]) this.forget(uid);
      await Promise.all(ending);
    },
  };
}
