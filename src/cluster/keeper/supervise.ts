/**
 * Keeps a component running: started again whenever it ends, at once at first and ever later when it keeps failing.
 * The first start must succeed; a component that cannot start at all is told, not repeated.
 */
import { createBackOff } from "#api-client/back-off.ts";
import { sleep } from "#api-client/sleep.ts";
import type { Log } from "#base/log.ts";
import type { Component, RunningComponent } from "./component.ts";

export type ComponentState = "running" | "restarting" | "stopped";

export interface SupervisedStatus {
  readonly name: string;
  readonly state: ComponentState;
  readonly pid: number | undefined;
  readonly restarts: number;
  readonly startedAtMs: number;
  /** Why it ended the last time. */
  readonly lastEnd: string | undefined;
}

export interface Supervised {
  status(): SupervisedStatus;
  /** Resolves as soon as it runs; rejects with the signal's reason. */
  running(signal: AbortSignal): Promise<void>;
  /** Ends it for good. Resolves when it has ended. May be called again. */
  stop(name: "SIGTERM" | "SIGKILL"): Promise<void>;
}

const BACK_OFF = { firstMs: 200, lastMs: 5_000, resetMs: 10_000 } as const;

export interface SuperviseDeps {
  readonly log: Log;
}

export async function supervise(
  component: Component,
  { log }: SuperviseDeps,
  signal: AbortSignal,
): Promise<Supervised> {
  const { name } = component;
  const stopping = new AbortController();
  const backOff = createBackOff({ ...BACK_OFF, random: Math.random, elapsedMs: () => performance.now() });
  let running: RunningComponent | undefined = await component.start(signal);
  let state: ComponentState = "running";
  let restarts = 0;
  let startedAtMs = Date.now();
  let lastEnd: string | undefined;

  const waiting = new Set<() => void>();

  function change(next: ComponentState): void {
    state = next;
    for (const look of waiting) look();
  }

  async function keep(): Promise<void> {
    for (;;) {
      if (running !== undefined) lastEnd = await running.exited;
      running = undefined;
      if (stopping.signal.aborted) return;
      change("restarting");
      log.error("component ended", { component: name, reason: lastEnd });
      await sleep(backOff.next(), stopping.signal);
      if (stopping.signal.aborted) return;
      try {
        running = await component.start(stopping.signal);
        // It came up just when it was no longer wanted.
        if (stopping.signal.aborted) await running.end("SIGKILL");
        restarts++;
        startedAtMs = Date.now();
        change("running");
        log.info("component started again", { component: name, restarts });
      } catch (error) {
        lastEnd = error instanceof Error ? error.message : String(error);
      }
    }
  }

  const kept = keep();
  return {
    async running(signal) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const look = (): void => {
        if (signal.aborted) reject(signal.reason);
        else if (state === "running") resolve();
        else if (state === "stopped") reject(new Error(`${name} is stopped`));
      };
      waiting.add(look);
      signal.addEventListener("abort", look, { once: true });
      try {
        look();
        await promise;
      } finally {
        waiting.delete(look);
        signal.removeEventListener("abort", look);
      }
    },
    status: () => ({ name, state, pid: running?.pid(), restarts, startedAtMs, lastEnd }),
    async stop(how) {
      stopping.abort(new Error(`${name} is stopped`));
      await running?.end(how);
      await kept;
      change("stopped");
    },
  };
}
