/** Collects what steps measured, and turns it into figures. Pure. */
import type { CaseName } from "./cases.ts";
import type { Mode } from "./plan.ts";
import { median, podsPerSecond, ratio, type Summary, summarise } from "./statistics.ts";
import type { Block } from "./worker-protocol.ts";

export const verbs = ["ADD", "DEL"] as const;
export type Verb = (typeof verbs)[number];

export interface Series {
  readonly case: CaseName;
  readonly contestant: string;
  readonly verb: Verb;
  readonly mode: Mode;
  readonly blocks: readonly { readonly round: number; readonly block: Block }[];
}

export interface Figure extends Summary {
  readonly case: CaseName;
  readonly contestant: string;
  readonly verb: Verb;
  readonly mode: Mode;
  /** Only when several pods were under way at a time. */
  readonly podsPerSecond?: number;
  /** Median by the reference's median; below 1 is faster. Absent where the reference was not measured. */
  readonly ratioToReference?: number;
  /** The same for each round by itself: its spread shows how far the ratio can be trusted. */
  readonly ratioToReferenceByRound?: readonly number[];
  /** With a load: median by the median of the same contestant's case without it. */
  readonly ratioToEmptyCase?: number;
}

export interface FigureOptions {
  readonly reference: string;
  readonly emptyCaseOf: (name: CaseName) => CaseName | undefined;
}

export function figuresOf(all: readonly Series[], { reference, emptyCaseOf }: FigureOptions): readonly Figure[] {
  const find = (like: Series, change: Partial<Pick<Series, "case" | "contestant">>): Series | undefined =>
    all.find((other) => sameKey(other, { ...like, ...change }));
  return all.flatMap((series): readonly Figure[] => {
    const summary = summarise(samplesOf(series));
    if (summary === undefined) return [];
    const peer = find(series, { contestant: reference });
    const emptyCase = emptyCaseOf(series.case);
    const empty = emptyCase && find(series, { case: emptyCase });
    const { case: name, contestant, verb, mode } = series;
    const figure = {
      case: name,
      contestant,
      verb,
      mode,
      ...summary,
      podsPerSecond: mode === "concurrent" ? rateOf(series) : undefined,
      ratioToReference: peer && ratio(summary.medianMs, median(samplesOf(peer))),
      ratioToReferenceByRound: peer && ratiosByRound(series, peer),
      ratioToEmptyCase: empty && ratio(summary.medianMs, median(samplesOf(empty))),
    };
    return [withoutUndefined(figure)];
  });
}

/** Adds a block to the series it belongs to, or starts the series. */
export function addBlock(
  all: readonly Series[],
  key: Omit<Series, "blocks">,
  block: { readonly round: number; readonly block: Block },
): readonly Series[] {
  if (!all.some((series) => sameKey(series, key))) return [...all, { ...key, blocks: [block] }];
  return all.map((series) => (sameKey(series, key) ? { ...series, blocks: [...series.blocks, block] } : series));
}

function sameKey(a: Omit<Series, "blocks">, b: Omit<Series, "blocks">): boolean {
  return a.case === b.case && a.contestant === b.contestant && a.verb === b.verb && a.mode === b.mode;
}

function samplesOf({ blocks }: Series): readonly number[] {
  return blocks.flatMap(({ block }) => block.samplesMs);
}

function rateOf({ blocks }: Series): number | undefined {
  return podsPerSecond(blocks.map(({ block }) => ({ count: block.samplesMs.length, wallMs: block.wallMs })));
}

function ratiosByRound(series: Series, peer: Series): readonly number[] {
  return series.blocks.flatMap(({ round, block }) => {
    const other = peer.blocks.find((candidate) => candidate.round === round)?.block;
    const value = other && ratio(median(block.samplesMs), median(other.samplesMs));
    return value === undefined ? [] : [value];
  });
}

type Defined<T> = { readonly [K in keyof T]: Exclude<T[K], undefined> };

function withoutUndefined<T extends object>(object: T): Defined<T> {
  // Absent and undefined mean the same to every reader of these figures.
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Defined<T>;
}
