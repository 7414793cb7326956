/** A clock that stands still until the test moves it: who sleeps by it is a process that is stopped. */
import type { ElectionClock } from "../start-leader-election.ts";

export interface TestClock extends ElectionClock {
  advance(ms: number): void;
  /** Resolves when somebody sleeps: everything before that has been done. */
  sleeping(): Promise<void>;
}

interface Sleeper {
  readonly atMs: number;
  wake(): void;
}

export function createTestClock(): TestClock {
  let elapsedMs = 0;
  const sleepers = new Set<Sleeper>();
  let asleep = Promise.withResolvers<void>();
  return {
    now: () => new Date(Date.parse("2025-01-01T00:00:00Z") + elapsedMs),
    elapsedMs: () => elapsedMs,
    sleep(ms, signal) {
      if (signal.aborted) return Promise.resolve();
      const { promise, resolve } = Promise.withResolvers<void>();
      const sleeper = { atMs: elapsedMs + ms, wake };
      function wake(): void {
        if (sleepers.delete(sleeper) && sleepers.size === 0) asleep = Promise.withResolvers();
        resolve();
      }
      sleepers.add(sleeper);
      signal.addEventListener("abort", wake, { once: true });
      asleep.resolve();
      return promise;
    },
    advance(ms) {
      elapsedMs += ms;
      for (const sleeper of sleepers) if (sleeper.atMs <= elapsedMs) sleeper.wake();
    },
    sleeping: () => (sleepers.size > 0 ? Promise.resolve() : asleep.promise),
  };
}
