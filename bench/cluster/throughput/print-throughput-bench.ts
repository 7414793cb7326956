/** The report for people: the machine, then a line for each path and contestant. */
import { type BenchReport, machineLines } from "#bench/bench-report.ts";
import { benchPaths } from "./paths.ts";
import { type Figure, type Metric, metricNames, metrics } from "./throughput-bench.ts";

export interface ThroughputReport extends BenchReport<"throughput"> {
  readonly iperf: string;
  readonly options: { readonly rounds: number; readonly seconds: number };
  readonly figures: readonly Figure[];
}

const GAP = "  ";
/** Metrics whose ratio is worth a column. */
const COMPARED: readonly Metric[] = ["tcpGigabits", "tcpCpu", "tcpOwnCpu", "udpGigabits", "roundTripMedian"];

export function printThroughputBench(report: ThroughputReport): string {
  const { machine, options, figures, iperf } = report;
  const paths = benchPaths.filter(({ name }) => figures.some(({ path }) => path === name));
  const rows = paths.flatMap((path) =>
    ["podwire", "by-hand"].flatMap((contestant) => {
      const own = figures.filter((figure) => figure.path === path.name && figure.contestant === contestant);
      return own.length === 0 ? [] : [[path.name, contestant, ...cellsOf(own)]];
    }),
  );
  const table = [["path", "made by", ...headings()], ...rows];
  return [
    ...machineLines(machine, iperf),
    `Medians of ${options.rounds} rounds of ${options.seconds} s (least–most); "×" is the median of the rounds' ratios to the path by hand,`,
    "for udp to vxlan by hand. CPU is the whole machine's, and that of iperf3 at both ends; round trips are one byte over TCP.",
    "",
    ...alignColumns(table),
  ]
    .map((line) => `${line.trimEnd()}\n`)
    .join("");
}

function headings(): readonly string[] {
  return metricNames.flatMap((metric) => [metrics[metric].title, ...(COMPARED.includes(metric) ? ["×"] : [])]);
}

function cellsOf(figures: readonly Figure[]): readonly string[] {
  return metricNames.flatMap((metric) => {
    const figure = figures.find((one) => one.metric === metric);
    const text = figure === undefined ? "-" : figureText(figure, metrics[metric].digits);
    return COMPARED.includes(metric) ? [text, figure?.ratioToByHand?.toFixed(3) ?? "-"] : [text];
  });
}

function figureText({ median, min, max }: Figure, digits: number): string {
  return `${median.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})`;
}

function alignColumns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(GAP));
}
