/**
 * What a controller has asked for and not yet seen come true in its informer. While there is some, it must not count:
 * it would create or delete the same pods again. What never comes true is forgotten after five minutes.
 */
const FORGET_MS = 300_000;

export interface Expectations {
  /** Before the creations are asked for. */
  expectCreations(key: string, count: number): void;
  /** Seen, or failed. */
  creationsObserved(key: string, count?: number): void;
  expectDeletions(key: string, uids: readonly string[]): void;
  /** Gone, marked for deletion, or failed. */
  deletionObserved(key: string, uid: string): void;
  /** 0 when there is nothing to wait for, else the time after which it is forgotten. */
  waitMs(key: string): number;
  forget(key: string): void;
}

interface Expected {
  readonly since: number;
  creations: number;
  readonly deletions: Set<string>;
}

export function createExpectations(now: () => Date): Expectations {
  const byKey = new Map<string, Expected>();

  function expected(key: string): Expected {
    const known = byKey.get(key);
    if (known !== undefined && isOpen(known)) return known;
    const fresh: Expected = { since: now().getTime(), creations: 0, deletions: new Set() };
    byKey.set(key, fresh);
    return fresh;
  }

  return {
    expectCreations(key, count) {
      expected(key).creations += count;
    },
    creationsObserved(key, count = 1) {
      const known = byKey.get(key);
      // Pods that others have made for it are not awaited.
      if (known !== undefined) known.creations = Math.max(0, known.creations - count);
    },
    expectDeletions(key, uids) {
      const { deletions } = expected(key);
      for (const uid of uids) deletions.add(uid);
    },
    deletionObserved(key, uid) {
      byKey.get(key)?.deletions.delete(uid);
    },
    waitMs(key) {
      const known = byKey.get(key);
      if (known === undefined) return 0;
      const left = isOpen(known) ? known.since + FORGET_MS - now().getTime() : 0;
      if (left > 0) return left;
      byKey.delete(key);
      return 0;
    },
    forget: (key) => void byKey.delete(key),
  };
}

function isOpen({ creations, deletions }: Expected): boolean {
  return creations > 0 || deletions.size > 0;
}
