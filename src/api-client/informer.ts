/**
 * A kind's objects as they are at the server, kept up to date in memory: list, then watch, resumed for ever.
 * Recovery as client-go's reflector does it: a watch that ends is resumed from the last revision, 410 lists again and
 * tells the difference, errors back off from 0.8 s to 30 s with jitter.
 */
import type { KubeObject } from "#api/kind.ts";

export interface InformerHandlers<O> {
  onAdd?(object: O): void;
  onUpdate?(object: O, old: O): void;
  /** The last state known; after a gap that may not be the very last one. */
  onDelete?(object: O): void;
}

export interface Informer<O extends KubeObject> extends AsyncDisposable {
  /** Resolves after the first complete list. */
  readonly synced: Promise<void>;
  hasSynced(): boolean;
  get(namespace: string | undefined, name: string): O | undefined;
  /** All, or those of a namespace. */
  list(namespace?: string): readonly O[];
  /** By an index named when the informer was made ("node", "owner uid"). */
  byIndex(index: string, value: string): readonly O[];
  /** Handlers run in order, one event at a time; objects that are there already come as onAdd. */
  subscribe(handlers: InformerHandlers<O>): Disposable;
}

/** Values under which an object can be found. */
export type IndexFunction<O> = (object: O) => readonly string[];
