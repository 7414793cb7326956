/**
 * A level-triggered loop: events only mark it dirty; each run reads everything again and makes it so.
 * Bursts merge into one run, a failed run is repeated later, and a slow timer catches events that were never sent.
 */

export interface ReconcileLoopOptions {
  readonly name: string;
  /** Shortest time between the starts of two runs. */
  readonly minIntervalMs: number;
  /** Time until a failed run is repeated. */
  readonly retryMs: number;
  /** Time until the next run without any event. */
  readonly resyncMs: number;
  readonly sync: () => Promise<void> | void;
  readonly onError: (error: unknown) => void;
}

export interface ReconcileLoop extends AsyncDisposable {
  /** Asks for a run. */
  markDirty(): void;
}

export function startReconcileLoop(options: ReconcileLoopOptions): ReconcileLoop {
  let timer: NodeJS.Timeout | undefined;
  let dueAt = Number.POSITIVE_INFINITY;
  let lastStart = Number.NEGATIVE_INFINITY;
  let running: Promise<void> | undefined;
  let isDirty = false;
  let isStopped = false;

  function schedule(at: number): void {
    if (isStopped || at >= dueAt) return;
    dueAt = at;
    clearTimeout(timer);
    timer = setTimeout(start, Math.max(0, at - performance.now()));
    timer.unref();
  }

  function start(): void {
    dueAt = Number.POSITIVE_INFINITY;
    running = run().finally(() => {
      running = undefined;
      if (isDirty) schedule(lastStart + options.minIntervalMs);
    });
  }

  async function run(): Promise<void> {
    lastStart = performance.now();
    isDirty = false;
    try {
      await options.sync();
      schedule(lastStart + options.resyncMs);
    } catch (error) {
      options.onError(error);
      schedule(lastStart + options.retryMs);
    }
  }

  schedule(performance.now());
  return {
    markDirty() {
      isDirty = true;
      if (running === undefined) schedule(lastStart + options.minIntervalMs);
    },
    async [Symbol.asyncDispose]() {
      isStopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
