/**
 * How long to wait before a failed daemon pod is replaced: nothing at first, then a second, twice as long each time,
 * up to a quarter of an hour. A node on which a pod cannot live would otherwise see one after the other.
 */
const FIRST_MS = 1000;
const LAST_MS = 900_000;

export interface ReplacementBackoff {
  /** 0: now. */
  waitMs(owner: string, nodeName: string): number;
  /** It is replaced. */
  replaced(owner: string, nodeName: string): void;
  forget(owner: string): void;
}

interface Past {
  readonly at: number;
  readonly delayMs: number;
}

export function createReplacementBackoff(now: () => Date): ReplacementBackoff {
  const byOwner = new Map<string, Map<string, Past>>();
  /** What lies back long enough counts no more. */
  const find = (owner: string, nodeName: string): Past | undefined => {
    const past = byOwner.get(owner)?.get(nodeName);
    return past !== undefined && now().getTime() - past.at > 2 * LAST_MS ? undefined : past;
  };
  return {
    waitMs(owner, nodeName) {
      const past = find(owner, nodeName);
      return past === undefined ? 0 : Math.max(0, past.at + past.delayMs - now().getTime());
    },
    replaced(owner, nodeName) {
      const past = find(owner, nodeName);
      const delayMs = past === undefined ? FIRST_MS : Math.min(LAST_MS, past.delayMs * 2);
      const ofOwner = byOwner.get(owner) ?? new Map<string, Past>();
      byOwner.set(owner, ofOwner.set(nodeName, { at: now().getTime(), delayMs }));
    },
    forget: (owner) => void byOwner.delete(owner),
  };
}
