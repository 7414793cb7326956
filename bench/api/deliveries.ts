/** Counts who has been told of an event: the next one is made when all have, so that each delivery has a time of its own. */

export interface Deliveries {
  /** From here the time of deliveries runs. */
  begin(): void;
  /** Throws when the watcher has been told of this event before, or of one that nobody made. */
  arrived(watcher: number): void;
  /** Resolves when all watchers have the event. */
  complete(): Promise<void>;
  /** No more will come. */
  fail(error: Error): void;
  /** One for each event and watcher. */
  readonly samplesMs: readonly number[];
}

export function createDeliveries(watchers: number, now: () => number): Deliveries {
  const samplesMs: number[] = [];
  const told = new Uint32Array(watchers);
  let event = 0;
  let startedAt = 0;
  let missing = 0;
  let all = Promise.withResolvers<void>();
  return {
    samplesMs,
    begin() {
      event++;
      missing = watchers;
      all = Promise.withResolvers<void>();
      // Whoever waits gets it; without anybody who waits it is not lost either: `complete` comes after `begin`.
      all.promise.catch(() => undefined);
      startedAt = now();
    },
    arrived(watcher) {
      if (told[watcher] === event) {
        all.reject(new Error(`Watcher ${watcher} was told of an event twice`));
        return;
      }
      told[watcher] = event;
      samplesMs.push(now() - startedAt);
      if (--missing === 0) all.resolve();
    },
    complete: () => all.promise,
    fail: (error) => all.reject(error),
  };
}
