/**
 * Gives back what belongs to pods whose network namespace is gone without a DEL: address, rules, host ports.
 * Runs when a link vanishes, and on a slow timer. A DEL that comes later finds nothing left to do.
 */
import type { Log } from "#base/log.ts";
import { type ReconcileLoop, startReconcileLoop } from "#base/reconcile-loop.ts";
import type { Host } from "#plugins/host.ts";
import { type RecoverDeps, recover } from "../recover.ts";
import type { VerbLock } from "../verb-lock.ts";

export interface DeadPodsDeps extends Omit<RecoverDeps, "scope" | "inTurn"> {
  readonly host: Pick<Host, "linkEvents">;
  readonly lock: Pick<VerbLock, "ifIdle">;
  readonly log: Log;
}

/** A runtime deletes the namespace and sends DEL at almost the same moment: let it come first. */
const MIN_INTERVAL_MS = 2_000;
const RETRY_MS = 10_000;
const RESYNC_MS = 60_000;

export function startDeadPodsLoop({ host, lock, log, ...deps }: DeadPodsDeps): ReconcileLoop {
  const loop = startReconcileLoop({
    name: "dead-pods",
    minIntervalMs: MIN_INTERVAL_MS,
    retryMs: RETRY_MS,
    resyncMs: RESYNC_MS,
    onError: (error) => log.error("dead pods not reclaimed", { error: String(error) }),
    async sync() {
      // What a verb has under way is its own; nobody waits for anybody else's pod.
      const { deleted, failed } = await recover({ ...deps, scope: "everything", inTurn: lock.ifIdle });
      for (const { network, containerId } of deleted) log.info("dead pod reclaimed", { network, containerId });
      for (const { record, error } of failed) {
        log.error("dead pod not reclaimed", {
          network: record.network,
          containerId: record.containerId,
          error: String(error),
        });
      }
    },
  });
  const watch = host.linkEvents.listen({
    deleted: () => loop.markDirty(),
    lost: () => loop.markDirty(),
  });
  return {
    markDirty: () => loop.markDirty(),
    async [Symbol.asyncDispose]() {
      watch[Symbol.dispose]();
      await loop[Symbol.asyncDispose]();
    },
  };
}
