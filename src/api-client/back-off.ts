/** How long to wait before the next attempt; client-go's reflector does the same. */

export interface BackOffLimits {
  readonly firstMs: number;
  readonly lastMs: number;
  /** After so much time without a failure, the next one is the first again. */
  readonly resetMs: number;
}

export interface BackOff {
  /** The pause after a failure: half to all of a time that doubles. */
  next(): number;
}

export interface BackOffOptions extends BackOffLimits {
  /** From 0 up to 1. */
  readonly random: () => number;
  /** Milliseconds that grow steadily. */
  readonly elapsedMs: () => number;
}

export function createBackOff({ firstMs, lastMs, resetMs, random, elapsedMs }: BackOffOptions): BackOff {
  let failures = 0;
  let lastFailureMs = elapsedMs();
  return {
    next() {
      const now = elapsedMs();
      if (now - lastFailureMs > resetMs) failures = 0;
      lastFailureMs = now;
      const longest = Math.min(lastMs, firstMs * 2 ** Math.min(failures++, 30));
      return longest * (0.5 + random() / 2);
    },
  };
}
