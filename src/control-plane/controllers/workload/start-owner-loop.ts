/**
 * The frame of a controller of workloads: it looks at an owner whenever the owner or one of its dependents changes,
 * and once more at a time that it names itself, for what no event tells.
 */
import type { KubeObject } from "#api/kind.ts";
import type { ObjectName } from "#api-client/api-client.ts";
import type { Informer } from "#api-client/informer.ts";
import { keyOf } from "#api-client/object-cache.ts";
import type { Log } from "#base/log.ts";
import { splitKey } from "../split-key.ts";
import { startControlLoop } from "../start-control-loop.ts";

export interface OwnerLoop<O extends KubeObject> {
  readonly name: string;
  readonly log: Log;
  readonly owners: Pick<Informer<O>, "subscribe" | "synced">;
  /** What else must be known before the first look. */
  readonly others: readonly { readonly synced: Promise<void> }[];
  /** Subscribes to dependents; `tell` has an owner looked at. */
  follow(tell: (key: string) => void): readonly Disposable[];
  /** Gives the time after which it wants to look again, without being told. */
  work(name: ObjectName, key: string, signal: AbortSignal): Promise<number | undefined>;
}

const WORKERS = 5;

export function startOwnerLoop<O extends KubeObject>(loop: OwnerLoop<O>): Promise<AsyncDisposable> {
  const { name, log, owners, others, follow, work } = loop;
  return startControlLoop(
    { log },
    {
      name,
      workers: WORKERS,
      informers: [owners, ...others],
      subscribe(queue, subscriptions) {
        const tell = (object: KubeObject): void => queue.add(keyOf(object));
        for (const each of follow((key) => queue.add(key))) subscriptions.use(each);
        subscriptions.use(owners.subscribe({ onAdd: tell, onUpdate: tell, onDelete: tell }));
      },
      async work(key, signal, queue) {
        const againMs = await work(splitKey(key), key, signal);
        if (againMs !== undefined) queue.addAfter(key, againMs);
      },
    },
  );
}
