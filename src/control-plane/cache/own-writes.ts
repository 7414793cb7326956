/**
 * Writes of this cache that are under way: when the store tells of one, the object that was written is taken instead
 * of parsing its text again, and whoever wrote it gets the very object that all watchers get.
 */
import type { KubeObject } from "#api/kind.ts";
import type { Revision } from "../store/store.ts";

export interface OwnWrite extends Disposable {
  /** The object as the cache has it, once the store has told of the revision. */
  resultAt(revision: Revision): KubeObject | undefined;
}

export interface OwnWrites {
  begin(key: string, text: string | undefined, object: KubeObject | undefined): OwnWrite;
  isWriting(key: string): boolean;
  /** What is being written to the key with this text. */
  find(key: string, text: string): KubeObject | undefined;
  /** The cache has this now; for a deletion the last state. */
  settle(key: string, revision: Revision, object: KubeObject): void;
}

interface Pending {
  readonly text: string | undefined;
  readonly object: KubeObject | undefined;
  readonly results: Map<Revision, KubeObject>;
}

export function createOwnWrites(): OwnWrites {
  const byKey = new Map<string, Set<Pending>>();
  return {
    begin(key, text, object) {
      const pending: Pending = { text, object, results: new Map() };
      const others = byKey.get(key) ?? new Set();
      byKey.set(key, others.add(pending));
      return {
        resultAt: (revision) => pending.results.get(revision),
        [Symbol.dispose]() {
          others.delete(pending);
          if (others.size === 0 && byKey.get(key) === others) byKey.delete(key);
        },
      };
    },
    isWriting: (key) => byKey.has(key),
    find(key, text) {
      for (const pending of byKey.get(key) ?? []) if (pending.text === text) return pending.object;
      return undefined;
    },
    settle(key, revision, object) {
      for (const pending of byKey.get(key) ?? []) pending.results.set(revision, object);
    },
  };
}
