/**
 * The last flows of a node, a bounded number of them: the oldest one goes when a new one comes. Readers keep a cursor and
 * learn how many went before they read them.
 */
import type { FlowEntry, Gap } from "./flow.ts";

/** Where a reader goes on: behind which entry, of which ring. Every start of an agent is another ring. */
export interface FlowCursor {
  readonly ring: string;
  readonly sequence: number;
}

export interface FlowPage {
  readonly entries: readonly FlowEntry[];
  readonly next: FlowCursor;
}

export interface ReadOptions {
  /** Absent: from the oldest one on. */
  readonly after?: FlowCursor | undefined;
  /** Without a cursor: nothing that is older. */
  readonly sinceMicros?: number | undefined;
}

export interface FlowRing {
  add(entry: FlowEntry): void;
  read(options: ReadOptions): FlowPage;
  /** Resolves when there is something behind the cursor, at once when there is; or when the signal aborts. */
  grown(after: FlowCursor, signal: AbortSignal): Promise<void>;
}

export interface FlowRingOptions {
  readonly id: string;
  readonly node: string;
  readonly capacity: number;
  /** Entries of one page at most. */
  readonly pageSize: number;
  readonly nowMicros: () => number;
}

export function createFlowRing({ id, node, capacity, pageSize, nowMicros }: FlowRingOptions): FlowRing {
  const entries: FlowEntry[] = [];
  /** Of the newest entry; the first one has 1. */
  let last = 0;
  const waiting = new Set<() => void>();

  function oldest(): number {
    return Math.max(1, last - capacity + 1);
  }

  function at(sequence: number): FlowEntry | undefined {
    return entries[(sequence - 1) % capacity];
  }

  function gap(reason: Gap["reason"], missed: number | undefined): Gap {
    const next = at(oldest());
    return { kind: "gap", node, timeMicros: next?.timeMicros ?? nowMicros(), reason, missed };
  }

  function firstSince(sinceMicros: number): number {
    let sequence = oldest();
    while (sequence <= last && (at(sequence)?.timeMicros ?? 0) < sinceMicros) sequence++;
    return sequence;
  }

  return {
    add(entry) {
      entries[last % capacity] = entry;
      last++;
      for (const wake of waiting) wake();
      waiting.clear();
    },
    read({ after, sinceMicros }) {
      const found: FlowEntry[] = [];
      let from: number;
      if (after?.ring === id) {
        from = Math.max(after.sequence + 1, oldest());
        const missed = from - after.sequence - 1;
        if (missed > 0) found.push(gap("ring overwritten", missed));
      } else {
        from = sinceMicros === undefined ? oldest() : firstSince(sinceMicros);
        if (after !== undefined) found.push(gap("agent restarted", undefined));
        else if (sinceMicros !== undefined && from === oldest() && from > 1)
          found.push(gap("ring overwritten", from - 1));
      }
      const to = Math.min(last, from + pageSize - 1);
      for (let sequence = from; sequence <= to; sequence++) {
        const entry = at(sequence);
        if (entry !== undefined) found.push(entry);
      }
      return { entries: found, next: { ring: id, sequence: Math.max(to, from - 1) } };
    },
    async grown(after, signal) {
      if (after.ring !== id || last > after.sequence || signal.aborted) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.add(resolve);
      signal.addEventListener("abort", () => resolve(), { once: true });
      await promise;
      waiting.delete(resolve);
    },
  };
}
