/**
 * Measures Services by the number of them: each contestant and size in a process and namespaces of its own, one after the
 * other, so that all figures are of one run and nothing of one is left for the next.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import type { Machine } from "../machine.ts";
import { median, ratio } from "../statistics.ts";
import type { ServiceContestant, ServicesMeasurement, ServicesWorkerOptions } from "./worker-protocol.ts";

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
const DEADLINE_MS = 10 * 60_000;

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
  readonly bytesPerEndpoint?: number;
}

export interface ServicesBenchReport {
  readonly benchmark: "services";
  readonly startedAt: string;
  readonly durationMs: number;
  readonly machine: Machine;
  readonly options: ServicesBenchOptions;
  readonly figures: readonly ServicesFigure[];
  /** Not done when the deadline came. */
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
  /** Time to write all, ours by iptables', at the largest size of both. */
  readonly programToIptables?: number | undefined;
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
      const changes = contestant === "iptables" ? Math.min(CHANGES_OF_IPTABLES, options.changes) : options.changes;
      const measured = await runWorker({ contestant, services, endpointsEach, connections, rounds, changes }, signal);
      if (measured === undefined) {
        unfinished.push({ contestant, services, afterSeconds: DEADLINE_MS / 1000 });
        progress(`${contestant}: ${services} Services: not done after ${DEADLINE_MS / 1000} s`);
      } else figures.push(figureOf(contestant, services, endpointsEach, measured));
    }
  }
  return { figures, unfinished };
}

/** Undefined when the deadline came first. */
async function runWorker(
  options: ServicesWorkerOptions,
  signal: AbortSignal,
): Promise<ServicesMeasurement | undefined> {
  const program = fileURLToPath(new URL("./worker.ts", import.meta.url));
  const namespaces = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
  const node = [process.execPath, "--expose-gc", "--max-old-space-size=8192", program, JSON.stringify(options)];
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
  if (late.aborted) return undefined;
  if (code !== 0) throw new Error(`The worker of ${options.contestant} ended: exit status ${code}: ${await said}`);
  return JSON.parse(await answer);
}

function figureOf(
  contestant: ServiceContestant,
  services: number,
  endpointsEach: number,
  measured: ServicesMeasurement,
): ServicesFigure {
  const { programMs, changeMs, connectUs, cpuUsPerConnection, bytesPerEndpoint } = measured;
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
    ...(bytesPerEndpoint !== undefined && { bytesPerEndpoint }),
  };
}

function spread(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

export function servicesRatios(figures: readonly ServicesFigure[]): ServicesRatios {
  const of = (contestant: ServiceContestant) =>
    figures.filter((figure) => figure.contestant === contestant).toSorted((a, b) => a.services - b.services);
  const [ours, theirs] = [of("podwire"), of("iptables")];
  const largest = theirs.at(-1);
  const same = ours.find(({ services }) => services === largest?.services);
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
    connectToIptables: ratio(same?.connectUs.last.median, largest?.connectUs.last.median),
  };
}
