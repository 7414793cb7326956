/** The work queue: sets of keys that wait, are worked on, and came again meanwhile. Source: client-go's workqueue. */
import type { WorkQueue, WorkQueueOptions } from "./work-queue.ts";

const FIRST_RETRY_MS = 5;
const LAST_RETRY_MS = 60_000;
/** setTimeout takes 31 bits, and fires at once for more. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export function createWorkQueue({ workers, work, onError }: WorkQueueOptions): WorkQueue {
  /** In the order in which they came. */
  const waiting = new Set<string>();
  const running = new Map<string, Promise<void>>();
  /** Came again while they were worked on. */
  const again = new Set<string>();
  const failures = new Map<string, number>();
  const timers = new Map<string, { readonly timer: NodeJS.Timeout; readonly at: number }>();
  const stop = new AbortController();
  let isScheduled = false;

  function add(key: string): void {
    if (stop.signal.aborted) return;
    if (running.has(key)) again.add(key);
    else waiting.add(key);
    schedule();
  }

  /** Behind the burst of events that adds keys: each is worked on once for all of them. */
  function schedule(): void {
    if (isScheduled) return;
    isScheduled = true;
    queueMicrotask(start);
  }

  function addAfter(key: string, delayMs: number): void {
    if (stop.signal.aborted) return;
    const at = performance.now() + delayMs;
    const earlier = timers.get(key);
    if (earlier !== undefined && earlier.at <= at) return;
    clearTimeout(earlier?.timer);
    const timer = setTimeout(
      () => {
        timers.delete(key);
        add(key);
      },
      Math.min(delayMs, MAX_TIMER_MS),
    );
    timers.set(key, { timer: timer.unref(), at });
  }

  function start(): void {
    isScheduled = false;
    for (const key of waiting) {
      if (running.size >= workers) return;
      waiting.delete(key);
      running.set(key, run(key));
    }
  }

  async function run(key: string): Promise<void> {
    // It counts as running before it begins: work may add its own key.
    await Promise.resolve();
    try {
      await work(key, stop.signal);
      failures.delete(key);
    } catch (error) {
      if (!stop.signal.aborted) retry(key, error);
    }
    running.delete(key);
    if (again.delete(key)) waiting.add(key);
    start();
  }

  function retry(key: string, error: unknown): void {
    onError(key, error);
    const count = failures.get(key) ?? 0;
    failures.set(key, count + 1);
    addAfter(key, Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(count, 20)));
  }

  return {
    add,
    addAfter,
    get length() {
      return waiting.size + running.size;
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      for (const { timer } of timers.values()) clearTimeout(timer);
      timers.clear();
      waiting.clear();
      again.clear();
      await Promise.all(running.values());
    },
  };
}
