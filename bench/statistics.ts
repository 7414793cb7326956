/** Figures of one series of measurements, and ratios between two series of the same run. */

export interface Summary {
  readonly count: number;
  readonly medianMs: number;
  readonly p95Ms: number;
  readonly minMs: number;
  readonly maxMs: number;
}

/** Undefined for no measurements. The 95th percentile is by nearest rank: a value that was measured. */
export function summarise(samplesMs: readonly number[]): Summary | undefined {
  const sorted = samplesMs.toSorted((a, b) => a - b);
  const [minMs, maxMs] = [sorted[0], sorted.at(-1)];
  if (minMs === undefined || maxMs === undefined) return undefined;
  const rank = Math.ceil(0.95 * sorted.length);
  return { count: sorted.length, medianMs: middle(sorted), p95Ms: sorted[rank - 1] ?? maxMs, minMs, maxMs };
}

/** Of an even number of values: half way between the two in the middle. NaN for none. */
export function median(values: readonly number[]): number {
  return middle(values.toSorted((a, b) => a - b));
}

/** By nearest rank; `share` from 0 to 1. NaN for no values. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(Math.ceil(share * sorted.length), 1) - 1] ?? Number.NaN;
}

/** Undefined when there is nothing to compare with. Below 1: less than the other. */
export function ratio(value: number | undefined, reference: number | undefined): number | undefined {
  return value === undefined || reference === undefined || reference === 0 ? undefined : value / reference;
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function spread(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

export function formatSpread({ median, min, max }: Spread, digits: number): string {
  return `${median.toFixed(digits)} (${min.toFixed(digits)}-${max.toFixed(digits)})`;
}

/** Round by round. */
export function ratios(values: readonly number[], references: readonly number[]): readonly number[] {
  return values.flatMap((value, round) => ratio(value, references[round]) ?? []);
}

/** Pods that a block of `count` finished per second. */
export function podsPerSecond(
  blocks: readonly { readonly count: number; readonly wallMs: number }[],
): number | undefined {
  const count = blocks.reduce((sum, block) => sum + block.count, 0);
  const wallMs = blocks.reduce((sum, block) => sum + block.wallMs, 0);
  return wallMs === 0 ? undefined : (count * 1000) / wallMs;
}

function middle(sorted: readonly number[]): number {
  const half = sorted.length >> 1;
  const upper = sorted[half] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? Number.NaN) + upper) / 2;
}
