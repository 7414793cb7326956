/** Times at which something is to be looked at, each under its key; one timer waits for the earliest. */

export interface DeadlinesOptions {
  readonly now: () => Date;
  /** Called once for each deadline that has come. */
  onDue(key: string): void;
}

export interface Deadlines extends Disposable {
  /** In the place of the key's earlier deadline. */
  set(key: string, at: Date): void;
  clear(key: string): void;
}

/** What a timer can wait for at most. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export function createDeadlines({ now, onDue }: DeadlinesOptions): Deadlines {
  const times = new Map<string, number>();
  let timer: NodeJS.Timeout | undefined;
  let timerAt = Number.POSITIVE_INFINITY;

  /** A timer that comes too early finds nothing due, and waits again. */
  function waitFor(at: number): void {
    if (at >= timerAt) return;
    clearTimeout(timer);
    timerAt = at;
    timer = setTimeout(look, Math.min(MAX_TIMER_MS, Math.max(0, at - now().getTime()))).unref();
  }

  function look(): void {
    timerAt = Number.POSITIVE_INFINITY;
    const current = now().getTime();
    const due: string[] = [];
    let next = Number.POSITIVE_INFINITY;
    for (const [key, at] of times) {
      if (at <= current) due.push(key);
      else next = Math.min(next, at);
    }
    for (const key of due) times.delete(key);
    if (next < Number.POSITIVE_INFINITY) waitFor(next);
    for (const key of due) onDue(key);
  }

  return {
    set(key, at) {
      times.set(key, at.getTime());
      waitFor(at.getTime());
    },
    clear: (key) => void times.delete(key),
    [Symbol.dispose]() {
      clearTimeout(timer);
      times.clear();
      timerAt = Number.NEGATIVE_INFINITY;
    },
  };
}
