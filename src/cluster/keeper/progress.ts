/** The phases of a cluster's start, for whoever follows it; who comes later hears of those that are done as well. */
import type { PhaseMessage } from "./keeper-protocol.ts";

export interface Progress {
  /** Phases that are under way. */
  readonly current: readonly string[];
  run<T>(name: string, step: () => Promise<T>): Promise<T>;
  subscribe(listener: (phase: PhaseMessage) => void): Disposable;
}

export function createProgress(): Progress {
  const done: PhaseMessage[] = [];
  const current = new Set<string>();
  const listeners = new Set<(phase: PhaseMessage) => void>();
  return {
    get current() {
      return [...current];
    },
    async run(name, step) {
      const startedMs = performance.now();
      current.add(name);
      try {
        const result = await step();
        const phase = { kind: "phase", name, durationMs: Math.round(performance.now() - startedMs) } as const;
        done.push(phase);
        for (const listener of listeners) listener(phase);
        return result;
      } finally {
        current.delete(name);
      }
    },
    subscribe(listener) {
      for (const phase of done) listener(phase);
      listeners.add(listener);
      return { [Symbol.dispose]: () => listeners.delete(listener) };
    },
  };
}
