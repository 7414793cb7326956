/**
 * Objects that a controller has created and that its caches do not show yet. Working on the same key before they do
 * would create them twice, where the server chooses the names.
 */
export interface PendingCreates {
  /** The object with this uid was created for the key. */
  expect(key: string, uid: string): void;
  /** The caches have it, or had it. */
  seen(uid: string): void;
  /** Whether something is still to come; what has not come in time does not count any more. */
  has(key: string): boolean;
}

/** After that time a created object is gone, or its caches will list it with everything else. */
export const PENDING_MS = 60_000;

export function createPendingCreates(now: () => Date): PendingCreates {
  const untilByKey = new Map<string, Map<string, number>>();
  const keyByUid = new Map<string, string>();

  function drop(key: string, uid: string): void {
    keyByUid.delete(uid);
    const pending = untilByKey.get(key);
    pending?.delete(uid);
    if (pending?.size === 0) untilByKey.delete(key);
  }

  return {
    expect(key, uid) {
      const pending = untilByKey.get(key) ?? new Map<string, number>();
      pending.set(uid, now().getTime() + PENDING_MS);
      untilByKey.set(key, pending);
      keyByUid.set(uid, key);
    },
    seen(uid) {
      const key = keyByUid.get(uid);
      if (key !== undefined) drop(key, uid);
    },
    has(key) {
      const current = now().getTime();
      for (const [uid, until] of untilByKey.get(key) ?? []) if (until <= current) drop(key, uid);
      return untilByKey.has(key);
    },
  };
}
