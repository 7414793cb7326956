/** Figures and ratios from what the workers measured. Pure. */
import { median, percentile, ratio, ratios, type Spread, spread } from "../statistics.ts";
import {
  type ClusterChange,
  type ClusterSamples,
  clusterChanges,
  type KindSamples,
  type LoopSamples,
  type PolicyMeasurement,
  type StartKind,
  type StartSamples,
  startKinds,
  type TestSamples,
  type TrafficContestant,
  type TrafficSamples,
} from "./worker-protocol.ts";

export interface Latency extends Spread {
  readonly p99: number;
}

/** All changes of the policy together, and each kind by itself. */
export type ClusterRow = "any policy change" | "any label change" | ClusterChange;

export interface ClusterFigure {
  readonly policies: number;
  readonly change: ClusterRow;
  readonly changes: number;
  readonly answeredMs: Latency;
  readonly firstNodeMs: Latency;
  readonly enforcedMs: Latency;
  /** Undefined where nothing says so. */
  readonly programmedMs: Latency | undefined;
  readonly transactionMs: Latency;
  /** Medians and 99th percentiles of enforced by the median of one transaction. */
  readonly ratioToTransaction: { readonly median: number | undefined; readonly p99: number | undefined };
}

export interface ClusterGrowth {
  /** Medians of enforced. */
  readonly enforced: number | undefined;
  /** Of an agent, of each round. */
  readonly cpu: Spread;
}

export interface StartFigure {
  readonly kind: StartKind;
  readonly pods: number;
  readonly sandboxToPacketMs: Latency;
  readonly createToPacketMs: Latency;
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

export interface LoopFigure extends Readonly<Record<ChangeKind, KindFigure>> {
  readonly policies: number;
  readonly changes: number;
  readonly transactionMs: Latency;
  readonly labelWallMs: Spread;
  readonly labelCpuMs: Spread;
}

export interface TrafficFigure {
  readonly contestant: TrafficContestant;
  readonly gigabitsPerSecond: Spread;
  readonly cpuSecondsPerGigabyte: Spread;
  readonly connectUs: Spread;
  /** To no table: of each round by itself. 1 and less is slower than without, above is faster. */
  readonly throughputRatio: Spread | undefined;
  /** Above 1 costs more. What else runs on the machine disturbs it less than the throughput. */
  readonly cpuRatio: Spread | undefined;
  /** Above 1 is slower. */
  readonly connectRatio: Spread | undefined;
}

export interface TestFigure {
  readonly cases: number;
  readonly clusterBootMs: Spread;
  readonly emptyBootMs: Spread;
  readonly withBootMs: Spread;
  readonly withoutBootMs: Spread;
  /** With boot, of each round by itself. */
  readonly ratioToClusterBoot: Spread;
  readonly ratioToEmptyBoot: Spread;
}

export interface PolicyFigures {
  readonly cluster: readonly ClusterFigure[];
  /** One label change through the API at the most policies by the same at the fewest; undefined for one size. */
  readonly clusterGrowth: ClusterGrowth | undefined;
  readonly starts: readonly StartFigure[];
  readonly loop: readonly LoopFigure[];
  /** The same in one node's process. */
  readonly growth: LoopGrowth | undefined;
  readonly traffic: readonly TrafficFigure[];
  readonly test: TestFigure | undefined;
}

export interface LoopGrowth {
  /** Medians of those that allow, to the kernel: nothing in them hides what grows. */
  readonly allowing: number | undefined;
  /** Allowing and forbidding in turn: of each round. */
  readonly wall: Spread;
  readonly cpu: Spread;
}

export function policyFigures({ cluster, loop = [], traffic = [], test }: PolicyMeasurement): PolicyFigures {
  return {
    cluster: (cluster?.changes ?? []).flatMap(clusterFigures),
    clusterGrowth: clusterGrowth(cluster?.changes ?? []),
    starts: cluster ? startFigures(cluster.starts) : [],
    loop: loop.map(loopFigure),
    growth: loopGrowth(loop),
    traffic: traffic.map((one) => trafficFigure(one, traffic)),
    test: test && testFigure(test),
  };
}

const ROWS: readonly (readonly [ClusterRow, readonly ClusterChange[]])[] = [
  ["any policy change", clusterChanges.filter((name) => name.startsWith("policy"))],
  ["any label change", clusterChanges.filter((name) => name.startsWith("label"))],
  ...clusterChanges.map((name) => [name, [name]] as const),
];

function clusterFigures({ policies, changes, transactionMs }: ClusterSamples): readonly ClusterFigure[] {
  const transaction = latency(transactionMs);
  return ROWS.map(([change, kinds]) => {
    const all = kinds.map((kind) => changes[kind]);
    const enforcedMs = latency(all.flatMap((one) => one.enforcedMs));
    const programmed = all.flatMap((one) => one.programmedMs);
    return {
      policies,
      change,
      changes: all.flatMap((one) => one.enforcedMs).length,
      answeredMs: latency(all.flatMap((one) => one.answeredMs)),
      firstNodeMs: latency(all.flatMap((one) => one.firstNodeMs)),
      enforcedMs,
      programmedMs: programmed.length === 0 ? undefined : latency(programmed),
      transactionMs: transaction,
      ratioToTransaction: {
        median: ratio(enforcedMs.median, transaction.median),
        p99: ratio(enforcedMs.p99, transaction.median),
      },
    };
  });
}

function clusterGrowth(all: readonly ClusterSamples[]): ClusterGrowth | undefined {
  const ends = fewestAndMost(all);
  if (ends === undefined) return undefined;
  const enforced = ({ changes }: ClusterSamples): number =>
    median([...changes["label allows"].enforcedMs, ...changes["label forbids"].enforcedMs]);
  const [fewest, most] = ends;
  return {
    enforced: ratio(enforced(most), enforced(fewest)),
    cpu: spread(ratios(most.labelCpuMs, fewest.labelCpuMs)),
  };
}

function startFigures(samples: StartSamples): readonly StartFigure[] {
  return startKinds.map((kind) => ({
    kind,
    pods: samples[kind].sandboxToPacketMs.length,
    sandboxToPacketMs: latency(samples[kind].sandboxToPacketMs),
    createToPacketMs: latency(samples[kind].createToPacketMs),
  }));
}

function loopFigure(samples: LoopSamples): LoopFigure {
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

function loopGrowth(loop: readonly LoopSamples[]): LoopGrowth | undefined {
  const ends = fewestAndMost(loop);
  if (ends === undefined) return undefined;
  const [fewest, most] = ends;
  return {
    allowing: ratio(median(most.label.allowToKernelMs), median(fewest.label.allowToKernelMs)),
    wall: spread(ratios(most.labelWallMs, fewest.labelWallMs)),
    cpu: spread(ratios(most.labelCpuMs, fewest.labelCpuMs)),
  };
}

function trafficFigure(samples: TrafficSamples, all: readonly TrafficSamples[]): TrafficFigure {
  const bare = samples.contestant === "no table" ? undefined : all.find(({ contestant }) => contestant === "no table");
  const { contestant, gigabitsPerSecond, cpuSecondsPerGigabyte, connectUs } = samples;
  return {
    contestant,
    gigabitsPerSecond: spread(gigabitsPerSecond),
    cpuSecondsPerGigabyte: spread(cpuSecondsPerGigabyte),
    connectUs: spread(connectUs),
    cpuRatio: bare && spread(ratios(cpuSecondsPerGigabyte, bare.cpuSecondsPerGigabyte)),
    throughputRatio: bare && spread(ratios(gigabitsPerSecond, bare.gigabitsPerSecond)),
    connectRatio: bare && spread(ratios(connectUs, bare.connectUs)),
  };
}

function testFigure({ cases, clusterBootMs, emptyBootMs, withBootMs, withoutBootMs }: TestSamples): TestFigure {
  return {
    cases,
    clusterBootMs: spread(clusterBootMs),
    emptyBootMs: spread(emptyBootMs),
    withBootMs: spread(withBootMs),
    withoutBootMs: spread(withoutBootMs),
    ratioToClusterBoot: spread(ratios(withBootMs, clusterBootMs)),
    ratioToEmptyBoot: spread(ratios(withBootMs, emptyBootMs)),
  };
}

/** Undefined for one size. */
function fewestAndMost<T extends { readonly policies: number }>(all: readonly T[]): readonly [T, T] | undefined {
  const sorted = all.toSorted((a, b) => a.policies - b.policies);
  const [fewest, most] = [sorted[0], sorted.at(-1)];
  return fewest === undefined || most === undefined || fewest === most ? undefined : [fewest, most];
}

function latency(values: readonly number[]): Latency {
  return { ...spread(values), p99: percentile(values, 0.99) };
}
