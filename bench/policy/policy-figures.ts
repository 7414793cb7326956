/** Figures and ratios from what the workers measured. Pure. */
import { median, percentile, ratio } from "../statistics.ts";
import type {
  ChangeSamples,
  KindSamples,
  PolicyMeasurement,
  TestSamples,
  TrafficContestant,
  TrafficSamples,
} from "./worker-protocol.ts";

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export interface Latency extends Spread {
  readonly p99: number;
}

export const changeKinds = ["label", "policy"] as const;
export type ChangeKind = (typeof changeKinds)[number];

export interface KindFigure {
  readonly allowToKernelMs: Latency;
  readonly forbidToKernelMs: Latency;
  readonly allowToPacketMs: Latency;
  /** Median of allow → packet by that of one transaction of one element. */
  readonly ratioToTransaction: number | undefined;
}

export interface ChangeFigure extends Readonly<Record<ChangeKind, KindFigure>> {
  readonly policies: number;
  readonly changes: number;
  readonly transactionMs: Latency;
  readonly labelWallMs: Spread;
  readonly labelCpuMs: Spread;
}

export interface TrafficFigure {
  readonly contestant: TrafficContestant;
  readonly gigabitsPerSecond: Spread;
  readonly connectUs: Spread;
  /** To no table: of each round by itself. 1 and less is slower than without, above is faster. */
  readonly throughputRatio: Spread | undefined;
  /** Above 1 is slower. */
  readonly connectRatio: Spread | undefined;
}

export interface TestFigure {
  readonly cases: number;
  readonly emptyBootMs: Spread;
  readonly withBootMs: Spread;
  readonly withoutBootMs: Spread;
  /** Of each round, by its empty sandbox's start. */
  readonly ratioToEmptyBoot: Spread;
}

export interface PolicyFigures {
  readonly change: readonly ChangeFigure[];
  readonly traffic: readonly TrafficFigure[];
  readonly test: TestFigure | undefined;
  /** Undefined for one size. */
  readonly growth: ChangeGrowth | undefined;
}

/** One label change at the most policies by the same at the fewest. */
export interface ChangeGrowth {
  /** Medians of those that allow, to the kernel: nothing in them hides what grows. */
  readonly allowing: number | undefined;
  /** Allowing and forbidding in turn: of each round. */
  readonly wall: Spread;
  readonly cpu: Spread;
}

export function policyFigures({ change = [], traffic = [], test }: PolicyMeasurement): PolicyFigures {
  return {
    change: change.map(changeFigure),
    traffic: traffic.map((one) => trafficFigure(one, traffic)),
    test: test && testFigure(test),
    growth: growthOf(change),
  };
}

function changeFigure(samples: ChangeSamples): ChangeFigure {
  const transactionMs = latency(samples.transactionMs);
  const kind = ({ allowToKernelMs, forbidToKernelMs, allowToPacketMs }: KindSamples): KindFigure => ({
    allowToKernelMs: latency(allowToKernelMs),
    forbidToKernelMs: latency(forbidToKernelMs),
    allowToPacketMs: latency(allowToPacketMs),
    ratioToTransaction: ratio(median(allowToPacketMs), transactionMs.median),
  });
  return {
    policies: samples.policies,
    changes: samples.label.allowToPacketMs.length,
    label: kind(samples.label),
    policy: kind(samples.policy),
    transactionMs,
    labelWallMs: spread(samples.labelWallMs),
    labelCpuMs: spread(samples.labelCpuMs),
  };
}

function trafficFigure(samples: TrafficSamples, all: readonly TrafficSamples[]): TrafficFigure {
  const bare = samples.contestant === "no table" ? undefined : all.find(({ contestant }) => contestant === "no table");
  const { contestant, gigabitsPerSecond, connectUs } = samples;
  return {
    contestant,
    gigabitsPerSecond: spread(gigabitsPerSecond),
    connectUs: spread(connectUs),
    throughputRatio: bare && spread(ratios(gigabitsPerSecond, bare.gigabitsPerSecond)),
    connectRatio: bare && spread(ratios(connectUs, bare.connectUs)),
  };
}

function testFigure({ cases, emptyBootMs, withBootMs, withoutBootMs }: TestSamples): TestFigure {
  return {
    cases,
    emptyBootMs: spread(emptyBootMs),
    withBootMs: spread(withBootMs),
    withoutBootMs: spread(withoutBootMs),
    ratioToEmptyBoot: spread(ratios(withBootMs, emptyBootMs)),
  };
}

function growthOf(change: readonly ChangeSamples[]): PolicyFigures["growth"] {
  const sorted = change.toSorted((a, b) => a.policies - b.policies);
  const [fewest, most] = [sorted[0], sorted.at(-1)];
  if (fewest === undefined || most === undefined || fewest === most) return undefined;
  return {
    allowing: ratio(median(most.label.allowToKernelMs), median(fewest.label.allowToKernelMs)),
    wall: spread(ratios(most.labelWallMs, fewest.labelWallMs)),
    cpu: spread(ratios(most.labelCpuMs, fewest.labelCpuMs)),
  };
}

/** Round by round. */
function ratios(values: readonly number[], references: readonly number[]): readonly number[] {
  return values.flatMap((value, round) => ratio(value, references[round]) ?? []);
}

function spread(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

function latency(values: readonly number[]): Latency {
  return { ...spread(values), p99: percentile(values, 0.99) };
}
