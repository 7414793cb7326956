/**
 * Whether a candidate may hold a lease, and what it writes then. Nobody compares clocks: a lease is over when it has
 * not changed for its duration by the candidate's own watch. Source: client-go's leaderelection; Kubernetes API
 * reference, coordination.k8s.io/v1 Lease.
 */
import type { Lease } from "#api/kinds/lease.ts";

export interface Candidate {
  /** Unique for each process that ever runs: "host_uuid". */
  readonly identity: string;
  readonly leaseDurationMs: number;
  /** Nobody else can be a candidate: a lease that is held was left behind. */
  readonly isAlone: boolean;
}

export interface Observation {
  /** undefined: there is none. */
  readonly lease: Lease | undefined;
  /** For how long it has not changed. */
  readonly unchangedMs: number;
}

type LeaseSpec = NonNullable<Lease["spec"]>;

export type LeasePlan =
  | { readonly type: "hold"; readonly spec: LeaseSpec }
  /** Somebody else has it, for at most so long. */
  | { readonly type: "wait"; readonly ms: number };

export function planLease({ lease, unchangedMs }: Observation, candidate: Candidate, now: Date): LeasePlan {
  const { identity, leaseDurationMs, isAlone } = candidate;
  const { holderIdentity = "", leaseDurationSeconds, leaseTransitions = 0, acquireTime } = lease?.spec ?? {};
  const time = microTimeText(now);
  const held = {
    ...lease?.spec,
    holderIdentity: identity,
    leaseDurationSeconds: Math.max(1, Math.ceil(leaseDurationMs / 1000)),
    renewTime: time,
  };
  if (holderIdentity === identity) {
    return { type: "hold", spec: { ...held, acquireTime: acquireTime ?? time, leaseTransitions } };
  }
  const durationMs = leaseDurationSeconds === undefined ? leaseDurationMs : leaseDurationSeconds * 1000;
  const leftMs = durationMs - unchangedMs;
  if (holderIdentity !== "" && leftMs > 0 && !isAlone) return { type: "wait", ms: leftMs };
  // The first holder ever is no transition.
  return {
    type: "hold",
    spec: { ...held, acquireTime: time, leaseTransitions: lease === undefined ? 0 : leaseTransitions + 1 },
  };
}

/** Given back: whoever looks next may take it at once. */
export function planRelease(lease: Lease, now: Date): Lease {
  const time = microTimeText(now);
  return {
    ...lease,
    spec: { ...lease.spec, holderIdentity: "", leaseDurationSeconds: 1, renewTime: time, acquireTime: time },
  };
}

/** "2025-01-01T00:00:00.123000Z" */
function microTimeText(date: Date): string {
  return date.toISOString().replace(/Z$/, "000Z");
}
