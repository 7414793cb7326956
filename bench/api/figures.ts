/** From what was measured to figures: of all rounds together, and the ratio to etcd of each round by itself. Pure. */
import { median, percentile, ratio, type Summary, summarise } from "../statistics.ts";
import type { Operation } from "./cases.ts";
import { REFERENCE } from "./contestants.ts";
import type { LatencyBlock } from "./latency-case.ts";
import type { PodsMeasurement } from "./pods-case.ts";
import { type StartBlock, type StartKind, startKinds } from "./start-case.ts";
import type { ThroughputBlock } from "./throughput-case.ts";

/** By the reference's figure of the same run; absent where it was not measured. */
interface Compared {
  readonly ratio?: number;
  /** Each round by itself: how far the ratio can be trusted. */
  readonly ratioByRound?: readonly number[];
}

export interface LatencyFigure extends Summary, Compared {
  readonly contestant: string;
  readonly watchers: number;
  readonly p99Ms: number;
  /** p99 by the reference's p99. */
  readonly p99Ratio?: number;
  /** CPU time of the server for one event and one watcher, in microseconds. */
  readonly cpuMicros: number;
  readonly cpuMicrosByRound: readonly number[];
}

export interface RateFigure extends Summary, Compared {
  readonly contestant: string;
  readonly operation: Operation;
  readonly lanes: number;
  readonly perSecond: number;
  /** CPU time of the server for one operation, in microseconds. */
  readonly cpuMicros: number;
}

export interface PodsFigure extends Omit<PodsMeasurement, "creation" | "lists" | "restart"> {
  readonly createdPerSecond: number;
  readonly listBytes: number;
  readonly list: Summary;
  readonly pagedList: Summary;
  readonly restart: {
    readonly readyMs: number;
    readonly firstListMs: number;
    readonly memory: PodsMeasurement["restart"]["memory"];
  };
}

export interface StartFigure extends Summary, Compared {
  readonly start: StartKind;
}

export function latencyFigures(blocks: readonly LatencyBlock[]): readonly LatencyFigure[] {
  return groups(blocks, ({ contestant, watchers }) => `${contestant} ${watchers}`).flatMap((group) => {
    const [{ contestant, watchers }] = group;
    const peers = blocks.filter((block) => block.contestant === REFERENCE && block.watchers === watchers);
    const samples = samplesOf(group);
    const summary = summarise(samples);
    if (summary === undefined) return [];
    const p99Ms = percentile(samples, 0.99);
    const cpuMicrosByRound = group.map(({ serverCpuMs, events }) => (serverCpuMs * 1000) / (events * watchers));
    const figure = {
      contestant,
      watchers,
      ...summary,
      p99Ms,
      cpuMicros: median(cpuMicrosByRound),
      cpuMicrosByRound,
    };
    if (contestant === REFERENCE || peers.length === 0) return [figure];
    const p99Ratio = ratio(p99Ms, percentile(samplesOf(peers), 0.99));
    const medianOf = ({ samplesMs }: LatencyBlock): number => median(samplesMs);
    return [
      {
        ...figure,
        ...compared(median(samples), median(samplesOf(peers)), group, peers, medianOf),
        ...(p99Ratio !== undefined && { p99Ratio }),
      },
    ];
  });
}

/** Ratios of rates: below 1 is slower than the reference. */
export function rateFigures(blocks: readonly ThroughputBlock[]): readonly RateFigure[] {
  return groups(blocks, ({ contestant, operation, lanes }) => `${contestant} ${operation} ${lanes}`).flatMap(
    (group) => {
      const [{ contestant, operation, lanes }] = group;
      const peers = blocks.filter(
        (block) => block.contestant === REFERENCE && block.operation === operation && block.lanes === lanes,
      );
      const summary = summarise(samplesOf(group));
      if (summary === undefined) return [];
      const figure = {
        contestant,
        operation,
        lanes,
        ...summary,
        perSecond: perSecond(group),
        cpuMicros: cpuMicrosOf(group),
      };
      if (contestant === REFERENCE || peers.length === 0) return [figure];
      return [
        { ...figure, ...compared(perSecond(group), perSecond(peers), group, peers, (block) => perSecond([block])) },
      ];
    },
  );
}

export function podsFigures(measured: readonly PodsMeasurement[]): readonly PodsFigure[] {
  return measured.flatMap(({ creation, lists, restart, ...rest }) => {
    const list = summarise(lists.wholeMs);
    const pagedList = summarise(lists.pagedMs);
    if (list === undefined || pagedList === undefined) return [];
    const { readyMs, firstList, memory } = restart;
    return [
      {
        ...rest,
        createdPerSecond: perSecond([creation]),
        listBytes: lists.bytes,
        list,
        pagedList,
        restart: { readyMs, firstListMs: median(firstList.wholeMs), memory },
      },
    ];
  });
}

/** Compared with the program that does nothing. */
export function startFigures(blocks: readonly StartBlock[]): readonly StartFigure[] {
  const peers = blocks.filter(({ start }) => start === "empty");
  return startKinds.flatMap((start) => {
    const group = blocks.filter((block) => block.start === start);
    const samples = samplesOf(group);
    const summary = summarise(samples);
    if (summary === undefined) return [];
    const figure = { start, ...summary };
    if (start === "empty") return [figure];
    const medianOf = ({ samplesMs }: StartBlock): number => median(samplesMs);
    return [{ ...figure, ...compared(median(samples), median(samplesOf(peers)), group, peers, medianOf) }];
  });
}

interface Round {
  readonly round: number;
}

function compared<B extends Round>(
  value: number,
  reference: number,
  group: readonly B[],
  peers: readonly B[],
  figureOf: (block: B) => number,
): Compared {
  const whole = ratio(value, reference);
  if (whole === undefined) return {};
  const ratioByRound = group.flatMap((block) => {
    const peer = peers.find(({ round }) => round === block.round);
    const each = peer && ratio(figureOf(block), figureOf(peer));
    return each === undefined ? [] : [each];
  });
  return { ratio: whole, ratioByRound };
}

function samplesOf(blocks: readonly { readonly samplesMs: readonly number[] }[]): readonly number[] {
  return blocks.flatMap(({ samplesMs }) => samplesMs);
}

function perSecond(blocks: readonly { readonly samplesMs: readonly number[]; readonly wallMs: number }[]): number {
  const count = blocks.reduce((sum, { samplesMs }) => sum + samplesMs.length, 0);
  const wallMs = blocks.reduce((sum, block) => sum + block.wallMs, 0);
  return (count * 1000) / wallMs;
}

function cpuMicrosOf(blocks: readonly ThroughputBlock[]): number {
  const cpuMs = blocks.reduce((sum, { serverCpuMs }) => sum + serverCpuMs, 0);
  return (cpuMs * 1000) / samplesOf(blocks).length;
}

function groups<B>(blocks: readonly B[], keyOf: (block: B) => string): readonly (readonly [B, ...B[]])[] {
  const byKey = new Map<string, [B, ...B[]]>();
  for (const block of blocks) {
    const known = byKey.get(keyOf(block));
    if (known === undefined) byKey.set(keyOf(block), [block]);
    else known.push(block);
  }
  return [...byKey.values()];
}
