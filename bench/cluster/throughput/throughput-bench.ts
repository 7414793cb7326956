/**
 * Throughput and latency between pods, ours against the kernel's own, in one run: all pairs of pods stand from the start,
 * and in each round everybody measures in turn, each round begun by another, so that a disturbed minute disturbs all.
 */
import { median, ratio } from "#bench/statistics.ts";
import { makeByHand } from "./by-hand.ts";
import { makeByPodwire, type PodwireOptions } from "./by-podwire.ts";
import { measureIperf } from "./iperf.ts";
import { type BenchPath, benchPaths, type ContestantName, type PathName, type PodPair } from "./paths.ts";
import { measureRoundTrip } from "./round-trip.ts";

export const metrics = {
  tcpGigabits: { title: "TCP Gbit/s", digits: 2 },
  tcpCpu: { title: "CPU s/GB", digits: 2 },
  tcpOwnCpu: { title: "of iperf3", digits: 2 },
  udpGigabits: { title: "UDP Gbit/s", digits: 2 },
  udpLost: { title: "lost %", digits: 1 },
  roundTripMedian: { title: "round trip µs", digits: 1 },
  roundTripP99: { title: "p99 µs", digits: 0 },
} as const;
export type Metric = keyof typeof metrics;

export interface ThroughputOptions extends PodwireOptions {
  readonly paths: readonly BenchPath[];
  readonly rounds: number;
  /** Of each of the three measurements. */
  readonly seconds: number;
  readonly signal: AbortSignal;
  readonly progress: (line: string) => void;
}

export interface Figure {
  readonly path: PathName;
  readonly contestant: ContestantName;
  readonly metric: Metric;
  readonly byRound: readonly number[];
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** To the path by hand that it is compared with: the median of the rounds' ratios. Absent for that one itself. */
  readonly ratioToByHand?: number;
}

interface Contender {
  readonly path: BenchPath;
  readonly contestant: ContestantName;
  readonly pair: PodPair;
  readonly values: Record<Metric, number[]>;
}

/** IPv4 and UDP headers. */
const UDP_HEADER_BYTES = 28;

export async function runThroughputBench(options: ThroughputOptions): Promise<readonly Figure[]> {
  const { rounds, signal, progress } = options;
  await using pairs = new AsyncDisposableStack();
  const contenders: Contender[] = [];
  for (const { path, contestant } of contendersOf(options.paths)) {
    progress(`${path.name}: making it ${contestant === "podwire" ? "with Podwire" : "by hand"}`);
    const pair = pairs.use(await makePair(path, contestant, options));
    contenders.push({ path, contestant, pair, values: emptyValues() });
  }
  for (let round = 0; round < rounds; round++) {
    // Neighbours in the list are compared with each other, so they are measured one after the other.
    const turn = round % 2 === 0 ? contenders : contenders.toReversed();
    for (const contender of turn) {
      progress(`round ${round + 1} of ${rounds}: ${contender.path.name}, ${contender.contestant}`);
      await measure(contender, options);
      signal.throwIfAborted();
    }
  }
  return contenders.flatMap((contender) => figuresOf(contender, contenders));
}

/** Ours, and by hand what it is compared with; each once. */
function contendersOf(paths: readonly BenchPath[]): readonly Pick<Contender, "path" | "contestant">[] {
  return benchPaths.flatMap((path) => [
    ...(paths.includes(path) ? [{ path, contestant: "podwire" } as const] : []),
    ...(paths.some(({ comparedWith }) => comparedWith === path.name) ? [{ path, contestant: "by-hand" } as const] : []),
  ]);
}

function makePair(path: BenchPath, contestant: ContestantName, options: ThroughputOptions): Promise<PodPair> {
  return contestant === "podwire" ? makeByPodwire(path, options, options.signal) : makeByHand(path, options.signal);
}

async function measure({ path, pair, values }: Contender, { seconds, signal }: ThroughputOptions): Promise<void> {
  const udpPayloadBytes = path.podMtuBytes - UDP_HEADER_BYTES;
  const tcp = await measureIperf(pair, { protocol: "tcp", seconds, udpPayloadBytes }, signal);
  const udp = await measureIperf(pair, { protocol: "udp", seconds, udpPayloadBytes }, signal);
  const roundTrip = await measureRoundTrip(pair, seconds, signal);
  values.tcpGigabits.push(tcp.gigabitsPerSecond);
  values.tcpCpu.push(tcp.cpuSecondsPerGigabyte);
  values.tcpOwnCpu.push(tcp.ownCpuSecondsPerGigabyte);
  values.udpGigabits.push(udp.gigabitsPerSecond);
  values.udpLost.push(udp.lostPercent ?? Number.NaN);
  values.roundTripMedian.push(roundTrip.medianUs);
  values.roundTripP99.push(roundTrip.p99Us);
}

function figuresOf({ path, contestant, values }: Contender, all: readonly Contender[]): readonly Figure[] {
  const reference = all.find((other) => other.contestant === "by-hand" && other.path.name === path.comparedWith);
  return metricNames.map((metric) => {
    const byRound = values[metric];
    const ratios = byRound.flatMap((value, round) => ratio(value, reference?.values[metric][round]) ?? []);
    const isCompared = contestant === "podwire" && ratios.length > 0;
    return {
      path: path.name,
      contestant,
      metric,
      byRound,
      median: median(byRound),
      min: Math.min(...byRound),
      max: Math.max(...byRound),
      ...(isCompared && { ratioToByHand: median(ratios) }),
    };
  });
}

export const metricNames = Object.keys(metrics).filter((name): name is Metric => name in metrics);

function emptyValues(): Record<Metric, number[]> {
  return {
    tcpGigabits: [],
    tcpCpu: [],
    tcpOwnCpu: [],
    udpGigabits: [],
    udpLost: [],
    roundTripMedian: [],
    roundTripP99: [],
  };
}
