/** The report of the benchmark of DNS as text. Pure. */
import { printTable } from "#cli/output/print-table.ts";
import type { BenchReport } from "../bench-report.ts";
import { machineLines } from "../bench-report.ts";
import { ratio } from "../statistics.ts";
import type { DnsContestant, DnsFigures } from "./dns-bench.ts";

export interface DnsRatio {
  readonly to: DnsContestant;
  readonly queriesPerSecond: number | undefined;
  readonly serverCpuUsPerQuery: number | undefined;
  readonly medianLatency: number | undefined;
}

export interface DnsBenchReport extends BenchReport<"dns"> {
  readonly figures: readonly DnsFigures[];
  readonly ratios: readonly DnsRatio[];
}

/** Of Podwire to each of the others: more queries, less CPU and less time are better. */
export function dnsRatios(figures: readonly DnsFigures[]): readonly DnsRatio[] {
  const own = figures.find(({ contestant }) => contestant === "podwire");
  const others = figures.filter((each) => each !== own);
  return others.map((other) => ({
    to: other.contestant,
    queriesPerSecond: ratio(own?.queriesPerSecond, other.queriesPerSecond),
    serverCpuUsPerQuery: ratio(own?.serverCpuUsPerQuery, other.serverCpuUsPerQuery),
    medianLatency: ratio(own?.latencyUs.median, other.latencyUs.median),
  }));
}

export function printDnsBench({ machine, figures, ratios }: DnsBenchReport): string {
  const header = ["contestant", "queries/s", "server µs/query", "latency µs", "p99 µs", "lost"];
  const rows = figures.map(({ contestant, queriesPerSecond, serverCpuUsPerQuery, latencyUs, lost }) => [
    contestant,
    String(queriesPerSecond),
    serverCpuUsPerQuery.toFixed(1),
    latencyUs.median.toFixed(0),
    latencyUs.p99.toFixed(0),
    String(lost),
  ]);
  const compared = ratios.map(
    ({ to, queriesPerSecond = 0, serverCpuUsPerQuery = 0 }) =>
      `podwire/${to}: ${queriesPerSecond.toFixed(2)}× queries per second, ${serverCpuUsPerQuery.toFixed(2)}× CPU per query`,
  );
  return [...machineLines(machine), "", printTable(header, rows), ...compared, ""].join("\n");
}
