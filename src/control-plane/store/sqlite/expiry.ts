/** Deletes keys when their time is over, by ordinary writes. One timer, for the key that is next. */

/** Keys deleted in one turn of the event loop. */
const STEP = 100;
const RETRY_MS = 10_000;
/** Longer timers of Node fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export interface ExpiryActions {
  /** Milliseconds since 1970 at which the next key expires. */
  nextExpiry(): number | undefined;
  /** Deletes at most `limit` keys whose time is over; gives how many. */
  expire(now: number, limit: number): number;
}

export interface Expiry extends Disposable {
  /** There is a key that expires then. */
  schedule(at: number): void;
}

export function startExpiry({ nextExpiry, expire }: ExpiryActions): Expiry {
  let timer: NodeJS.Timeout | undefined;
  let dueAt = Number.POSITIVE_INFINITY;

  function schedule(at: number): void {
    if (at >= dueAt) return;
    dueAt = at;
    clearTimeout(timer);
    timer = setTimeout(run, Math.min(Math.max(0, at - Date.now()), MAX_TIMER_MS));
    timer.unref();
  }

  function run(): void {
    dueAt = Number.POSITIVE_INFINITY;
    try {
      expire(Date.now(), STEP);
      schedule(nextExpiry() ?? Number.POSITIVE_INFINITY);
    } catch {
      // The disk is full, for example: every writer is told. The keys wait.
      schedule(Date.now() + RETRY_MS);
    }
  }

  schedule(nextExpiry() ?? Number.POSITIVE_INFINITY);
  return { schedule, [Symbol.dispose]: () => clearTimeout(timer) };
}
