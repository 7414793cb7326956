/**
 * Lets each Service be compiled as often as it changes, until it changes too often: then once in an interval, so that one
 * that flaps costs the others nothing. Pure but for its memory.
 */
export interface ChangeLimiter {
  /** May this Service be compiled now? If so, it counts. */
  admits(key: string, nowMs: number): boolean;
}

export interface ChangeLimits {
  /** Runs within a second that come at once. */
  readonly perSecond: number;
  /** Between two of the others. */
  readonly intervalMs: number;
}

const WINDOW_MS = 1000;
const REMEMBERED = 1000;

export function createChangeLimiter({ perSecond, intervalMs }: ChangeLimits): ChangeLimiter {
  const known = new Map<string, { readonly since: number; readonly count: number; readonly last: number }>();
  return {
    admits(key, nowMs) {
      const { since = nowMs, count = 0, last = nowMs } = known.get(key) ?? {};
      const isOver = nowMs - since >= WINDOW_MS;
      if (!isOver && count >= perSecond && nowMs - last < intervalMs) return false;
      known.delete(key);
      known.set(key, { since: isOver ? nowMs : since, count: isOver ? 1 : count + 1, last: nowMs });
      // The first is the one that was quiet the longest.
      for (const oldest of known.keys()) {
        if (known.size <= REMEMBERED) break;
        known.delete(oldest);
      }
      return true;
    },
  };
}
