/**
 * Of several control planes on one store, one runs the controllers. Who holds the Lease leads; who cannot renew it in
 * time stops before others may take it; and whoever is stopped himself meanwhile is kept from writing by the fence.
 * Source: client-go's leaderelection (15 s lease, 10 s to renew, tries every 2 s).
 */
import { isApiError } from "#api/api-error.ts";
import { type Lease, lease as leaseKind } from "#api/kinds/lease.ts";
import type { ApiClient, ObjectName } from "#api-client/api-client.ts";
import { sleep } from "#api-client/sleep.ts";
import { withDeadline } from "#api-client/with-deadline.ts";
import type { Log } from "#base/log.ts";
import type { Fence, Store } from "../store/store.ts";
import { type Candidate, planLease, planRelease } from "./plan-lease.ts";
import { takeFence } from "./take-fence.ts";

export interface Term {
  /** For all writes of the term. */
  readonly fence: Fence;
  /** Aborted when the term is over. */
  readonly signal: AbortSignal;
}

export interface LeaderElectionOptions extends Partial<Candidate> {
  readonly identity: string;
  /** Where the fence is kept. */
  readonly store: Pick<Store, "get" | "write">;
  /** Not fenced. Must read from the store that the fence is in. */
  readonly client: Pick<ApiClient, "get" | "create" | "update">;
  readonly lease: ObjectName;
  /** Starts what only the leader runs. It is disposed of when the term is over. */
  lead(term: Term): Promise<AsyncDisposable>;
  readonly log: Log;
  /** A leader that has not renewed for so long stops; less than the lease's duration. */
  readonly renewDeadlineMs?: number;
  readonly retryPeriodMs?: number;
  readonly clock?: ElectionClock;
  readonly random?: () => number;
}

export interface ElectionClock {
  now(): Date;
  /** Grows steadily, whatever happens to the time of day. */
  elapsedMs(): number;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export interface LeaderElection extends AsyncDisposable {
  isLeader(): boolean;
}

const realClock: ElectionClock = { now: () => new Date(), elapsedMs: () => performance.now(), sleep };

/** Pauses are longer by up to that share, so that candidates do not try all at once. */
const JITTER = 0.2;

export function startLeaderElection(options: LeaderElectionOptions): LeaderElection {
  const { store, client, lead, log, lease: name, clock = realClock, random = Math.random } = options;
  const { leaseDurationMs = 15_000, renewDeadlineMs = 10_000, retryPeriodMs = 2_000, isAlone = false } = options;
  const candidate: Candidate = { identity: options.identity, leaseDurationMs, isAlone };
  const about = { lease: name.name, identity: candidate.identity };
  const stop = new AbortController();
  let isLeading = false;
  /** The lease as it was last seen, and when it was first seen so. */
  let seen: { readonly lease: Lease | undefined; readonly atMs: number } | undefined;

  function observe(lease: Lease | undefined): void {
    if (seen !== undefined && seen.lease?.metadata.resourceVersion === lease?.metadata.resourceVersion) return;
    seen = { lease, atMs: clock.elapsedMs() };
  }

  async function read(signal: AbortSignal): Promise<Lease | undefined> {
    try {
      return await client.get(leaseKind, name, signal);
    } catch (error) {
      if (isApiError(error, "NotFound")) return undefined;
      throw error;
    }
  }

  /** One look at the lease, and one write when it is free or ours. Gives it when it is ours now. */
  async function tryHold(signal: AbortSignal): Promise<Lease | undefined> {
    const lease = await read(signal);
    observe(lease);
    const unchangedMs = clock.elapsedMs() - (seen?.atMs ?? 0);
    const plan = planLease({ lease, unchangedMs }, candidate, clock.now());
    if (plan.type === "wait") return undefined;
    const { spec } = plan;
    try {
      const held =
        lease === undefined
          ? await client.create(leaseKind, { metadata: { ...name }, spec }, signal)
          : await client.update(leaseKind, { ...lease, spec }, signal);
      observe(held);
      return held;
    } catch (error) {
      // Somebody else was faster: the next look tells who has it.
      if (isApiError(error, "Conflict") || isApiError(error, "AlreadyExists")) return undefined;
      throw error;
    }
  }

  const pause = (): Promise<void> => clock.sleep(retryPeriodMs * (1 + JITTER * random()), stop.signal);

  /** undefined when this is to stop. */
  async function acquire(): Promise<Fence | undefined> {
    while (!stop.signal.aborted) {
      try {
        const fence = await withDeadline(renewDeadlineMs, stop.signal, async (signal) => {
          const lease = await tryHold(signal);
          return lease === undefined ? undefined : await takeFence(store, lease, signal);
        });
        if (fence !== undefined) return fence;
      } catch (error) {
        if (!stop.signal.aborted) log.error("cannot become leader", { ...about, error: String(error) });
      }
      await pause();
    }
    return undefined;
  }

  /** Renews until that fails for too long, somebody else has the lease, or the signal is aborted. */
  async function keep(signal: AbortSignal): Promise<void> {
    let renewedAtMs = clock.elapsedMs();
    while (!signal.aborted) {
      await clock.sleep(retryPeriodMs, signal);
      const leftMs = renewedAtMs + renewDeadlineMs - clock.elapsedMs();
      if (signal.aborted || leftMs <= 0) return;
      // The answer may come late: the term counts from before the question.
      const askedAtMs = clock.elapsedMs();
      try {
        if ((await withDeadline(leftMs, signal, tryHold)) !== undefined) renewedAtMs = askedAtMs;
        else if (seen?.lease?.spec?.holderIdentity !== candidate.identity) return;
      } catch (error) {
        if (!signal.aborted) log.error("cannot renew lease", { ...about, error: String(error) });
      }
    }
  }

  async function serve(fence: Fence): Promise<void> {
    const ended = new AbortController();
    const signal = AbortSignal.any([stop.signal, ended.signal]);
    isLeading = true;
    log.info("leading", { ...about, fence: fence.revision });
    const work = begin({ fence, signal }, ended);
    await keep(signal);
    ended.abort();
    isLeading = false;
    log.info("not leading any more", about);
    try {
      await (await work)?.[Symbol.asyncDispose]();
    } catch (error) {
      log.error("cannot stop leading in order", { ...about, error: String(error) });
    }
  }

  /** Who cannot start what a leader runs ends the term: others may be able to. */
  async function begin(term: Term, ended: AbortController): Promise<AsyncDisposable | undefined> {
    try {
      return await lead(term);
    } catch (error) {
      if (!term.signal.aborted) log.error("cannot lead", { ...about, error: String(error) });
      ended.abort();
      return undefined;
    }
  }

  /** Everything has stopped: others need not wait. When that fails, they wait until the lease is over. */
  async function release(): Promise<void> {
    const lease = seen?.lease;
    if (lease?.spec?.holderIdentity !== candidate.identity) return;
    try {
      const released = await withDeadline(retryPeriodMs, new AbortController().signal, (signal) =>
        client.update(leaseKind, planRelease(lease, clock.now()), signal),
      );
      observe(released);
    } catch (error) {
      log.error("cannot release lease", { ...about, error: String(error) });
    }
  }

  async function run(): Promise<void> {
    while (!stop.signal.aborted) {
      const fence = await acquire();
      if (fence !== undefined) await serve(fence);
      await release();
      if (!stop.signal.aborted) await pause();
    }
  }

  const running = run();
  return {
    isLeader: () => isLeading,
    async [Symbol.asyncDispose]() {
      stop.abort(new Error("The leader election was closed"));
      await running;
    },
  };
}
