/**
 * Whether pods can get a network: what CRI says, asked again when a CNI configuration comes, changes or goes. The
 * runtime tells nobody when it has read it, which takes milliseconds.
 */
import { type FSWatcher, watch } from "node:fs";
import { mkdir } from "node:fs/promises";
import { sleep } from "#api-client/sleep.ts";
import type { CriClient } from "#cri/cri-client.ts";
import { problemsOf, type RuntimeCondition } from "./node-status.ts";

export interface RuntimeHealth extends AsyncDisposable {
  /** Why pods cannot get a network now; undefined: they can. Rejects when the runtime does not answer. */
  networkProblem(signal: AbortSignal): Promise<string | undefined>;
  /** Something may have changed. */
  refresh(): void;
}

export interface RuntimeHealthOptions {
  readonly cri: Pick<CriClient, "status">;
  /** "/etc/cni/net.d" */
  readonly confDir: string;
  /** Another answer than before, or another CNI configuration: what failed may succeed now. */
  onChange(): void;
  onError(what: string, error: unknown): void;
}

/** Looks after a change, each after the one before. */
const PAUSES_MS: readonly number[] = [2, 10, 50, 250, 1_000];
/** In place of an answer. */
const GONE = "";
/** By then the runtime has read its configuration. */
const READ_AFTER_MS = 50;

export async function createRuntimeHealth(options: RuntimeHealthOptions): Promise<RuntimeHealth> {
  const { cri, confDir, onChange, onError } = options;
  const stop = new AbortController();
  let looking = new AbortController();
  let looks: Promise<void> = Promise.resolve();
  let last: string | undefined;

  async function ask(signal: AbortSignal): Promise<readonly RuntimeCondition[]> {
    const { status } = await cri.status({}, signal);
    const conditions = status?.conditions ?? [];
    const text = JSON.stringify(problemsOf(conditions));
    const isNews = last !== undefined && last !== text;
    last = text;
    if (isNews) onChange();
    return conditions;
  }

  async function look(isConfigured: boolean, signal: AbortSignal): Promise<void> {
    for (const pauseMs of PAUSES_MS) {
      await sleep(pauseMs, signal);
      if (signal.aborted) return;
      if (isConfigured && pauseMs === READ_AFTER_MS) onChange();
      await ask(signal).catch(() => {
        // The runtime has gone; at the start it may not be there yet.
        const isNews = last !== undefined && last !== GONE;
        last = GONE;
        if (isNews) onChange();
      });
    }
  }

  function refresh(isConfigured: boolean): void {
    if (stop.signal.aborted) return;
    looking.abort();
    looking = new AbortController();
    const { signal } = looking;
    looks = look(isConfigured, AbortSignal.any([signal, stop.signal]));
  }

  const watcher = await openWatcher();
  watcher?.on("change", () => refresh(true));

  async function openWatcher(): Promise<FSWatcher | undefined> {
    try {
      // As the runtime does it: a network may be installed later.
      await mkdir(confDir, { recursive: true });
      const opened = watch(confDir, { persistent: false });
      opened.on("error", (error) => onError(`cannot watch "${confDir}"`, error));
      return opened;
    } catch (error) {
      onError(`cannot watch "${confDir}"`, error);
      return undefined;
    }
  }

  refresh(false);
  return {
    refresh: () => refresh(false),
    async networkProblem(signal) {
      const network = (await ask(signal)).filter(({ type }) => type === "NetworkReady");
      return problemsOf(network)[0];
    },
    async [Symbol.asyncDispose]() {
      stop.abort(new Error("the kubelet stops"));
      watcher?.close();
      await looks;
    },
  };
}
