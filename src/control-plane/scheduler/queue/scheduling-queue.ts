/**
 * Pods that wait for a node. Active ones are next, by priority, then by the time they came. A pod that could not be
 * placed is parked until something changes that could help, at most five minutes; between two attempts of one pod
 * there is a pause of 1 s, doubling up to 10 s. Plain data with a clock from outside: it has no timers.
 * Source: Kubernetes documentation, "Scheduling Framework" (scheduling queue).
 */
import type { Pod } from "#api/kinds/pod/pod.ts";
import { keyOf } from "#api-client/object-cache.ts";
import type { ClusterChange } from "../filters/filter.ts";
import { createHeap } from "./heap.ts";

export interface SchedulingQueue {
  /** A pod that is new, or has changed so that it may fit now. */
  add(pod: Pod): void;
  /** The pod as it is now, whatever place it has; false when it is not in the queue. */
  replace(pod: Pod): boolean;
  /** `key`: namespace/name. */
  remove(key: string): void;
  /** The next active pod; it is not in the queue any more. */
  pop(): Attempt | undefined;
  /** The attempt has failed for no fault of the pod: again after the pause. */
  retry(attempt: Attempt): void;
  /** There is no node for it: again after the pause and one of these changes. */
  park(attempt: Attempt, helpedBy: ReadonlySet<ClusterChange>): void;
  notify(change: ClusterChange): void;
  /** Makes pods active whose time has come. */
  wakeDue(): void;
  /** Time until there is something to wake; undefined when nothing waits for time. */
  dueInMs(): number | undefined;
  readonly counts: { readonly active: number; readonly pausing: number; readonly parked: number };
}

/** One try to place a pod. */
export interface Attempt {
  readonly pod: Pod;
  /** The first is 1. */
  readonly number: number;
}

interface Waiting {
  pod: Pod;
  readonly attempts: number;
  /** Order of arrival. */
  readonly arrival: number;
  /** Not active before, by the clock. */
  readonly pauseEnds: number;
  readonly place: "active" | "pausing" | Parked;
}

interface Parked {
  readonly until: number;
  readonly helpedBy: ReadonlySet<ClusterChange>;
}

const FIRST_PAUSE_MS = 1000;
const LAST_PAUSE_MS = 10_000;
const LONGEST_PARKING_MS = 300_000;
const NEVER = Number.POSITIVE_INFINITY;

export function createSchedulingQueue({ nowMs }: { readonly nowMs: () => number }): SchedulingQueue {
  const waiting = new Map<string, Waiting>();
  /** Both can hold entries that are not in `waiting` any more. */
  const active = createHeap<Waiting>(
    (a, b) => priorityOf(a) > priorityOf(b) || (priorityOf(a) === priorityOf(b) && a.arrival < b.arrival),
  );
  const pausing = createHeap<Waiting>((a, b) => a.pauseEnds < b.pauseEnds);
  /** In the order in which they were parked. */
  const parked = new Map<string, Parked>();
  /** Which of them a change can help. */
  const helpable = new Map<ClusterChange, Set<string>>();
  let arrivals = 0;

  function put(key: string, entry: Omit<Waiting, "arrival">): void {
    const placed: Waiting = { ...entry, arrival: arrivals++ };
    unpark(key);
    waiting.set(key, placed);
    if (placed.place === "active") active.push(placed);
    else if (placed.place === "pausing") pausing.push(placed);
    else parkAt(key, placed.place);
  }

  function parkAt(key: string, place: Parked): void {
    parked.set(key, place);
    for (const change of place.helpedBy) {
      const keys = helpable.get(change) ?? new Set();
      helpable.set(change, keys.add(key));
    }
  }

  function unpark(key: string): void {
    for (const change of parked.get(key)?.helpedBy ?? []) helpable.get(change)?.delete(key);
    parked.delete(key);
  }

  function isCurrent(entry: Waiting): boolean {
    return waiting.get(keyOf(entry.pod)) === entry;
  }

  /** Out of the car park: on, or into the rest of its pause. */
  function release(key: string): void {
    const entry = waiting.get(key);
    if (entry !== undefined) put(key, { ...entry, place: entry.pauseEnds > nowMs() ? "pausing" : "active" });
  }

  function pauseEnds({ number }: Attempt): number {
    return nowMs() + Math.min(LAST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(number - 1, 10));
  }

  function wakeDue(): void {
    const now = nowMs();
    for (const [key, { until }] of parked) {
      if (until > now) break;
      release(key);
    }
    for (let next = pausing.peek(); next !== undefined && next.pauseEnds <= now; next = pausing.peek()) {
      pausing.pop();
      if (isCurrent(next)) put(keyOf(next.pod), { ...next, place: "active" });
    }
  }

  return {
    add(pod) {
      const key = keyOf(pod);
      const { attempts = 0, pauseEnds = 0, place } = waiting.get(key) ?? {};
      if (place === "active") {
        replace(pod);
        return;
      }
      put(key, { pod, attempts, pauseEnds, place: pauseEnds > nowMs() ? "pausing" : "active" });
    },
    replace,
    remove(key) {
      waiting.delete(key);
      unpark(key);
    },
    pop() {
      for (let next = active.pop(); next !== undefined; next = active.pop()) {
        if (!isCurrent(next)) continue;
        waiting.delete(keyOf(next.pod));
        return { pod: next.pod, number: next.attempts + 1 };
      }
      return undefined;
    },
    retry(attempt) {
      const { pod, number } = attempt;
      put(keyOf(pod), { pod, attempts: number, pauseEnds: pauseEnds(attempt), place: "pausing" });
    },
    park(attempt, helpedBy) {
      const { pod, number } = attempt;
      const place = { helpedBy, until: nowMs() + LONGEST_PARKING_MS };
      put(keyOf(pod), { pod, attempts: number, pauseEnds: pauseEnds(attempt), place });
    },
    notify(change) {
      for (const key of helpable.get(change) ?? []) release(key);
    },
    wakeDue,
    dueInMs() {
      const [first] = parked.values();
      const due = Math.min(pausing.peek()?.pauseEnds ?? NEVER, first?.until ?? NEVER);
      return due === NEVER ? undefined : due - nowMs();
    },
    get counts() {
      const places = [...waiting.values()].map(({ place }) => place);
      const count = (wanted: string): number => places.filter((place) => place === wanted).length;
      return { active: count("active"), pausing: count("pausing"), parked: parked.size };
    },
  };

  function replace(pod: Pod): boolean {
    const entry = waiting.get(keyOf(pod));
    if (entry !== undefined) entry.pod = pod;
    return entry !== undefined;
  }
}

function priorityOf({ pod }: Waiting): number {
  return pod.spec.priority ?? 0;
}
