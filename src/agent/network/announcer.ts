/**
 * Tells the cluster how this node is reached, beside the network loop and never within it: a server that does not answer
 * must not hold up the repair of what the kernel has. What is out of date while it is under way is cut short.
 */
import { isDeepStrictEqual } from "node:util";
import type { Log } from "#base/log.ts";
import { startReconcileLoop } from "#base/reconcile-loop.ts";
import type { Announcement, SubnetSource } from "./cluster-network.ts";

export interface Announcer extends AsyncDisposable {
  /** Looks whether the cluster has it, and writes it if not. */
  announce(announcement: Announcement): void;
  /** Why the last try failed; none when the cluster has it. */
  problems(): readonly string[];
}

const MIN_INTERVAL_MS = 100;
const RETRY_MS = 1_000;
const RESYNC_MS = 60_000;
const TIMEOUT_MS = 30_000;

export function startAnnouncer({
  source,
  log,
}: {
  readonly source: Pick<SubnetSource, "announce">;
  readonly log: Log;
}): Announcer {
  let wanted: Announcement | undefined;
  let problem: string | undefined;
  let underWay = new AbortController();
  const loop = startReconcileLoop({
    name: "announcement",
    minIntervalMs: MIN_INTERVAL_MS,
    retryMs: RETRY_MS,
    resyncMs: RESYNC_MS,
    onError: (error) => {
      if (underWay.signal.aborted) return;
      problem = `this node is not announced: ${error instanceof Error ? error.message : String(error)}`;
      log.error("pod network not announced", { error: String(error) });
    },
    async sync() {
      underWay = new AbortController();
      if (wanted === undefined) return;
      const signal = AbortSignal.any([underWay.signal, AbortSignal.timeout(TIMEOUT_MS)]);
      const written = await source.announce(wanted, signal);
      problem = undefined;
      if (written.length > 0) log.info("pod network announced", { written: written.join("; ") });
    },
  });
  return {
    announce(announcement) {
      const isOther = !isDeepStrictEqual(wanted, announcement);
      wanted = announcement;
      loop.markDirty();
      if (isOther) underWay.abort(new Error("something else is to be announced"));
    },
    problems: () => (problem === undefined ? [] : [problem]),
    async [Symbol.asyncDispose]() {
      underWay.abort(new Error("the agent stops"));
      await loop[Symbol.asyncDispose]();
    },
  };
}
