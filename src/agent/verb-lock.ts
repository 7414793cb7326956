/**
 * Who may run at the same time: verbs of one container one after the other, of different containers together,
 * and GC alone. Source: CNI SPEC 1.1.0, "Lifecycle & Ordering".
 */

export interface VerbLock {
  /** Runs `step` when no other step of this container and no GC runs. */
  shared<T>(containerId: string, step: () => Promise<T>): Promise<T>;
  /** As `shared`, but does nothing when a step of this container runs or waits already. */
  ifIdle<T>(containerId: string, step: () => Promise<T>): Promise<T> | undefined;
  /** Runs `step` when nothing else runs. */
  exclusive<T>(step: () => Promise<T>): Promise<T>;
}

export function createVerbLock(): VerbLock {
  const busy = new Map<string, Promise<unknown>>();
  let gate: Promise<unknown> = Promise.resolve();

  /** Waits for `before`, whatever its outcome; its own caller has that. */
  const after = <T>(before: readonly (Promise<unknown> | undefined)[], step: () => Promise<T>): Promise<T> =>
    Promise.allSettled(before).then(step);

  function shared<T>(containerId: string, step: () => Promise<T>): Promise<T> {
    const running = after([gate, busy.get(containerId)], step);
    busy.set(containerId, running);
    const forget = (): void => {
      if (busy.get(containerId) === running) busy.delete(containerId);
    };
    running.then(forget, forget);
    return running;
  }

  return {
    shared,
    ifIdle: (containerId, step) => (busy.has(containerId) ? undefined : shared(containerId, step)),
    exclusive(step) {
      const running = after([gate, ...busy.values()], step);
      gate = running;
      return running;
    },
  };
}
