/**
 * Keys that wait to be worked on: each at most once, never two workers on one, failed ones again after a growing
 * pause. Level-triggered controllers put names into it, not events.
 */

export interface WorkQueueOptions {
  readonly name: string;
  /** How many keys are worked on at once. */
  readonly workers: number;
  /** Works on one key; a rejection puts the key back with back-off (5 ms, doubling, up to 60 s). */
  work(key: string, signal: AbortSignal): Promise<void>;
  onError(key: string, error: unknown): void;
}

export interface WorkQueue extends AsyncDisposable {
  add(key: string): void;
  /** Adds the key after that time, earlier additions stay. */
  addAfter(key: string, delayMs: number): void;
  /** Keys that wait or are worked on. */
  readonly length: number;
}
