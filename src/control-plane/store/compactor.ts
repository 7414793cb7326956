/**
 * Keeps a store's history short: every minute it compacts what is older than some minutes or some revisions. Watches
 * that were away for longer get 410 and list again. Several API servers may do so on one etcd.
 */
import type { Revision, Store } from "./store.ts";

export interface CompactionPolicy {
  /** History of this many milliseconds is kept; Kubernetes: five minutes. */
  readonly keepMs: number;
  /** But no more than this many revisions. */
  readonly keepRevisions: number;
}

export const DEFAULT_POLICY: CompactionPolicy = { keepMs: 5 * 60_000, keepRevisions: 100_000 };

/** What the newest revision was at some time. */
export interface RevisionSample {
  /** Milliseconds of a steady clock. */
  readonly at: number;
  readonly revision: Revision;
}

export interface CompactionPlan {
  /** 0: nothing to compact. */
  readonly revision: Revision;
  /** Those that later plans need, in their order. */
  readonly samples: readonly RevisionSample[];
}

/** `samples` are in the order of time, the last one is of now. */
export function planCompaction(policy: CompactionPolicy, samples: readonly RevisionSample[]): CompactionPlan {
  const newest = samples.at(-1);
  if (newest === undefined) return { revision: 0, samples };
  const isOld = (sample: RevisionSample): boolean => newest.at - sample.at >= policy.keepMs;
  const old = samples.findLast(isOld)?.revision ?? 0;
  return {
    revision: Math.max(0, old, newest.revision - policy.keepRevisions),
    samples: samples.filter((sample) => !isOld(sample)),
  };
}

export interface CompactorOptions {
  readonly store: Pick<Store, "currentRevision" | "compact">;
  readonly policy?: CompactionPolicy;
  readonly intervalMs?: number;
  /** The store is unavailable, for example: the next round tries again. */
  readonly onError: (error: unknown) => void;
}

export function startCompactor({
  store,
  policy = DEFAULT_POLICY,
  intervalMs = 60_000,
  onError,
}: CompactorOptions): AsyncDisposable {
  const stopping = new AbortController();
  let samples: readonly RevisionSample[] = [];
  let running: Promise<void> | undefined;

  async function compact(): Promise<void> {
    const revision = await store.currentRevision(stopping.signal);
    const plan = planCompaction(policy, [...samples, { at: performance.now(), revision }]);
    samples = plan.samples;
    if (plan.revision > 0) await store.compact(plan.revision, stopping.signal);
  }

  const timer = setInterval(() => {
    running ??= compact()
      .catch((error: unknown) => {
        if (!stopping.signal.aborted) onError(error);
      })
      .finally(() => {
        running = undefined;
      });
  }, intervalMs);
  timer.unref();

  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      stopping.abort();
      await running;
    },
  };
}
