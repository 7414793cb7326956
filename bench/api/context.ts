/** What all cases share. */
import type { ApiBenchSizes } from "./cases.ts";
import type { ApiContestant, StoreName } from "./contestants.ts";

export interface BenchContext {
  readonly sizes: ApiBenchSizes;
  readonly contestants: readonly ApiContestant[];
  readonly stores: readonly StoreName[];
  /** Command line that stands for `podwire`. */
  readonly podwire: readonly string[];
  /** Each case makes folders of its own in it. */
  readonly folder: string;
  readonly fsync: boolean;
  readonly signal: AbortSignal;
  readonly progress: (line: string) => void;
}

/** Who begins moves on by one from round to round: what disturbs the machine for a while disturbs all. */
export function turnsOf<T>(contestants: readonly T[], round: number): readonly T[] {
  const first = contestants.length === 0 ? 0 : round % contestants.length;
  return [...contestants.slice(first), ...contestants.slice(0, first)];
}
