/**
 * Measures Services by the number of them: each contestant and size in a process and namespaces of its own, one after the
 * other, so that all figures are of one run and nothing of one is left for the next.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import type { Machine } from "../machine.ts";
import { median, percentile, ratio } from "../statistics.ts";
import type {
  AgentMeasurement,
  ProgramStopped,
  ServiceContestant,
  ServicesMeasurement,
  ServicesWorkerOptions,
} from "./worker-protocol.ts";

export interface ServicesBenchOptions {
  readonly contestants: readonly ServiceContestant[];
  readonly sizes: readonly number[];
  readonly endpointsEach: number;
  readonly connections: number;
  readonly rounds: number;
  readonly changes: number;
}

/** iptables-nft-restore needs minutes for them. */
const LARGEST_OF_IPTABLES = 10_000;
/** Each change reads the whole ruleset again. */
const CHANGES_OF_IPTABLES = 3;
const WARM_UP_CHANGES = 300;
const DEADLINE_MS = 10 * 60_000;
/** What has not written all by then is stopped: that it takes longer is all that is to be known. */
const PROGRAM_DEADLINE_MS = 200_000;
/** Services that the agent's memory is measured with, or the most that there are. */
const SERVICES_OF_AGENT = 10_000;

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export interface ServicesFigure {
  readonly contestant: ServiceContestant;
  readonly services: number;
  readonly endpoints: number;
  readonly programMs: number;
  readonly changeMs: Spread;
  readonly connectUs: Readonly<Record<"direct" | "first" | "last", Spread>>;
  /** To the last Service by directly to a pod, median of rounds. */
  readonly connectRatioToDirect: number;
  readonly cpuUsPerConnection: Spread;
  /** Of ours, at one size. */
  readonly agent?: AgentFigure;
}

/** The whole agent's part, with lists and watches. */
export interface AgentFigure {
  /** From its start until all is in the kernel. */
  readonly startMs: number;
  /** From the event of a watch until the kernel has the change. */
  readonly changeMs: Spread & { readonly p99: number };
  /** From when a new Service is in the kernel until its name resolves, the question's own way included. */
  readonly resolveMs: Spread & { readonly p99: number };
  /** Resident memory by endpoint, above that of an agent without Services: some seconds after the start, and at most. */
  readonly bytesPerEndpoint: number;
  readonly mostBytesPerEndpoint: number;
}

export interface ServicesBenchReport {
  readonly benchmark: "services";
  readonly startedAt: string;
  readonly durationMs: number;
  readonly machine: Machine;
  readonly options: ServicesBenchOptions;
  readonly figures: readonly ServicesFigure[];
  /** Stopped: writing all takes longer than that. */
  readonly unfinished: readonly Unfinished[];
  readonly ratios: ServicesRatios;
}

export interface Unfinished {
  readonly contestant: ServiceContestant;
  readonly services: number;
  readonly afterSeconds: number;
}

/** What the project holds itself to; absent where a size or a contestant was not measured. */
export interface ServicesRatios {
  /** New connection at the largest size of both by that at the smallest, by contestant. */
  readonly connectLargestToSmallest: Readonly<Partial<Record<ServiceContestant, number>>>;
  /** One change at the largest size by that at the smallest. */
  readonly changeLargestToSmallest: Readonly<Partial<Record<ServiceContestant, number>>>;
  /** Time to write all, ours by iptables', at the largest size that both have written. */
  readonly programToIptables?: number | undefined;
  /** The same at the largest size of all, where iptables was stopped: it is at most that. */
  readonly programToIptablesAtMost?: number | undefined;
  readonly connectToIptables?: number | undefined;
}

export async function runServicesBench(
  options: ServicesBenchOptions,
  { signal, progress }: { readonly signal: AbortSignal; readonly progress: (line: string) => void },
): Promise<Pick<ServicesBenchReport, "figures" | "unfinished">> {
  const figures: ServicesFigure[] = [];
  const unfinished: Unfinished[] = [];
  for (const services of options.sizes) {
    for (const contestant of options.contestants) {
      if (contestant === "iptables" && services > LARGEST_OF_IPTABLES) continue;
      progress(`${contestant}: ${services} Services`);
      const { endpointsEach, connections, rounds } = options;
      const counts =
        contestant === "iptables"
          ? { changes: Math.min(CHANGES_OF_IPTABLES, options.changes), warmUpChanges: 0 }
          : { changes: options.changes, warmUpChanges: WARM_UP_CHANGES };
      const worker = { contestant, services, endpointsEach, connections, rounds, ...counts };
      const measured = await runWorker({ ...worker, programDeadlineMs: PROGRAM_DEADLINE_MS }, signal);
      if ("stoppedAfterMs" in measured) {
        const afterSeconds = measured.stoppedAfterMs / 1000;
        unfinished.push({ contestant, services, afterSeconds });
        progress(`${contestant}: ${services} Services: stopped after ${afterSeconds} s`);
        continue;
      }
      const figure = figureOf(contestant, services, endpointsEach, measured);
      if (contestant === "podwire" && services === sizeOfAgent(options.sizes)) {
        progress(`the whole agent: ${services} Services`);
        figures.push({ ...figure, agent: await measureAgent(services, options, signal) });
      } else figures.push(figure);
    }
  }
  return { figures, unfinished };
}

function sizeOfAgent(sizes: readonly number[]): number {
  return Math.max(...sizes.filter((size) => size <= SERVICES_OF_AGENT), Math.min(...sizes));
}

async function measureAgent(
  services: number,
  { endpointsEach, changes }: ServicesBenchOptions,
  signal: AbortSignal,
): Promise<AgentFigure> {
  const folder = mkdtempSync(join(tmpdir(), "podwire-bench-services-"));
  using _folder = { [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
  const run = (count: number): Promise<AgentMeasurement> =>
    runProgram("agent-worker.ts", [folder, ...[count, endpointsEach, changes].map(String)], signal);
  const idle = await run(0);
  const full = await run(services);
  const perEndpoint = (bytes: number) => (bytes - idle.restBytes) / (services * endpointsEach);
  return {
    startMs: full.startMs,
    changeMs: withPercentile(full.changeMs),
    resolveMs: withPercentile(full.resolveMs),
    bytesPerEndpoint: perEndpoint(full.restBytes),
    mostBytesPerEndpoint: perEndpoint(full.mostBytes),
  };
}

function runWorker(options: ServicesWorkerOptions, signal: AbortSignal): Promise<ServicesMeasurement | ProgramStopped> {
  return runProgram("worker.ts", [JSON.stringify(options)], signal);
}

/** Runs a program beside this one in namespaces of its own, and answers what it prints. */
async function runProgram<T>(name: string, args: readonly string[], signal: AbortSignal): Promise<T> {
  const program = fileURLToPath(new URL(name, import.meta.url));
  const namespaces = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
  const node = [process.execPath, "--max-old-space-size=8192", program, ...args];
  const child = spawn("unshare", [...namespaces, "--", ...node], {
    stdio: ["ignore", "pipe", "pipe"],
    detached: true, // an interrupt from the keyboard is for the benchmark, which then ends its worker
  });
  const late = AbortSignal.timeout(DEADLINE_MS);
  const stop = AbortSignal.any([signal, late]);
  stop.addEventListener("abort", () => child.kill("SIGKILL"));
  const [answer, said] = [text(child.stdout), text(child.stderr)];
  const [code] = await once(child, "exit");
  signal.throwIfAborted();
  if (late.aborted) throw new Error(`${name} was not done after ${DEADLINE_MS / 1000} s`);
  if (code !== 0) throw new Error(`${name} ${args.join(" ")} ended: exit status ${code}: ${await said}`);
  return JSON.parse(await answer);
}

function withPercentile(values: readonly number[]): Spread & { readonly p99: number } {
  return { ...spread(values), p99: percentile(values, 0.99) };
}

function figureOf(
  contestant: ServiceContestant,
  services: number,
  endpointsEach: number,
  measured: ServicesMeasurement,
): ServicesFigure {
  const { programMs, changeMs, connectUs, cpuUsPerConnection } = measured;
  const spreads = { direct: spread(connectUs.direct), first: spread(connectUs.first), last: spread(connectUs.last) };
  return {
    contestant,
    services,
    endpoints: services * endpointsEach,
    programMs,
    changeMs: spread(changeMs),
    connectUs: spreads,
    connectRatioToDirect: ratio(spreads.last.median, spreads.direct.median) ?? Number.NaN,
    cpuUsPerConnection: spread(cpuUsPerConnection),
  };
}

function spread(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

export function servicesRatios(
  figures: readonly ServicesFigure[],
  unfinished: readonly Unfinished[] = [],
): ServicesRatios {
  const of = (contestant: ServiceContestant) =>
    figures.filter((figure) => figure.contestant === contestant).toSorted(bySize);
  const [ours, theirs] = [of("podwire"), of("iptables")];
  const largest = theirs.at(-1);
  const same = ours.find(({ services }) => services === largest?.services);
  const stopped = unfinished
    .filter(({ contestant }) => contestant === "iptables")
    .toSorted(bySize)
    .at(-1);
  const oursThere = ours.find(({ services }) => services === stopped?.services);
  const growth = (list: readonly ServicesFigure[], value: (figure: ServicesFigure) => number) => {
    const [smallest, biggest] = [list[0], list.at(-1)];
    return smallest && biggest && ratio(value(biggest), value(smallest));
  };
  const byContestant = (value: (figure: ServicesFigure) => number) => ({
    podwire: growth(ours, value) ?? Number.NaN,
    iptables: growth(theirs, value) ?? Number.NaN,
  });
  return {
    connectLargestToSmallest: byContestant(({ connectUs }) => connectUs.last.median),
    changeLargestToSmallest: byContestant(({ changeMs }) => changeMs.median),
    programToIptables: ratio(same?.programMs, largest?.programMs),
    programToIptablesAtMost: stopped && ratio(oursThere?.programMs, stopped.afterSeconds * 1000),
    connectToIptables: ratio(same?.connectUs.last.median, largest?.connectUs.last.median),
  };
}

function bySize(a: { readonly services: number }, b: { readonly services: number }): number {
  return a.services - b.services;
}
