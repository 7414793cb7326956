/** Phases of a long command: each one is a line on stderr when it has ended, with what it took. */

export interface Phase {
  readonly name: string;
  readonly durationMs: number;
}

export interface Phases {
  readonly done: readonly Phase[];
  /** The phase that runs, or the last one. */
  readonly current: string;
  run<T>(name: string, step: () => Promise<T>): Promise<T>;
}

/** `say` gets one line for each phase, without its end. */
export function createPhases(say: (line: string) => void): Phases {
  const done: Phase[] = [];
  let current = "";
  return {
    done,
    get current() {
      return current;
    },
    async run(name, step) {
      current = name;
      const startedMs = performance.now();
      const result = await step();
      const durationMs = Math.round(performance.now() - startedMs);
      done.push({ name, durationMs });
      say(`${String(durationMs).padStart(6)} ms  ${name}`);
      return result;
    },
  };
}
