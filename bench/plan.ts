/**
 * The order of measurements. Contestants take turns within each round and each mode, so that what disturbs the machine
 * for a while disturbs all of them; who starts moves on by one from round to round.
 */

/** One pod at a time, or as many at a time as there are lanes. */
export const modes = ["sequential", "concurrent"] as const;
export type Mode = (typeof modes)[number];

export interface Step<Case> {
  readonly round: number;
  readonly case: Case;
  readonly contestant: string;
  readonly mode: Mode;
  /** Pods of this step. */
  readonly pods: number;
}

export interface PlanOptions<Case> {
  readonly case: Case;
  readonly contestants: readonly { readonly name: string; readonly modes: readonly Mode[] }[];
  readonly rounds: number;
  /** Pods per contestant in all rounds together. */
  readonly pods: Readonly<Record<Mode, number>>;
}

export function planCase<Case>({
  case: benchCase,
  contestants,
  rounds,
  pods,
}: PlanOptions<Case>): readonly Step<Case>[] {
  const shares = { sequential: split(pods.sequential, rounds), concurrent: split(pods.concurrent, rounds) };
  return Array.from({ length: rounds }, (_, round) =>
    modes.flatMap((mode) =>
      rotate(contestants, round).flatMap((contestant): readonly Step<Case>[] => {
        const share = contestant.modes.includes(mode) ? (shares[mode][round] ?? 0) : 0;
        return share === 0 ? [] : [{ round, case: benchCase, contestant: contestant.name, mode, pods: share }];
      }),
    ),
  ).flat();
}

/** `total` in `parts` whole numbers that differ by at most one. */
export function split(total: number, parts: number): readonly number[] {
  return Array.from(
    { length: parts },
    (_, part) => Math.floor((total * (part + 1)) / parts) - Math.floor((total * part) / parts),
  );
}

function rotate<T>(items: readonly T[], by: number): readonly T[] {
  const first = items.length === 0 ? 0 : by % items.length;
  return [...items.slice(first), ...items.slice(0, first)];
}
