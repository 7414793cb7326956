/**
 * Lets others have their turn. Calls within this process are answered from memory or from a synchronous store, so a
 * program that makes thousands of them never leaves the turn of the event loop that it began in, and meanwhile no
 * request is read, no timer fires and no lease is renewed. After a few milliseconds each further call waits.
 */
import { setImmediate } from "node:timers/promises";

export interface Turns {
  /** Undefined while there is time left in this turn; otherwise resolves in the next one. */
  take(): Promise<void> | undefined;
}

export interface TurnsOptions {
  /** Of one turn of the event loop. */
  readonly maxMs: number;
  /** Milliseconds, from any start. */
  readonly now: () => number;
}

export function createTurns({ maxMs, now }: TurnsOptions): Turns {
  let startedAt = 0;
  let next: Promise<void> | undefined;
  return {
    take() {
      if (next === undefined) {
        startedAt = now();
        next = setImmediate().then(() => {
          next = undefined;
        });
        return undefined;
      }
      return now() - startedAt < maxMs ? undefined : next;
    },
  };
}
