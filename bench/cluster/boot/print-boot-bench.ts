/** The report for people: a column for each number of nodes, a line for each stage. */
import { type BenchReport, machineLines } from "#bench/bench-report.ts";
import { median } from "#bench/statistics.ts";
import { type BootFigure, stages } from "./boot-bench.ts";

export interface BootReport extends BenchReport<"up"> {
  readonly rounds: number;
  readonly figures: readonly BootFigure[];
}

/** Published by minikube's time-to-k8s benchmark for one node (1.25), on another machine: for the order of magnitude. */
const PUBLISHED = "k3d 19.9 s, kind 33.0 s";

export function printBootBench({ machine, rounds, figures }: BootReport): string {
  const seconds = (values: readonly number[]): string =>
    `${(median(values) / 1000).toFixed(3)} (${(Math.min(...values) / 1000).toFixed(3)}–${(Math.max(...values) / 1000).toFixed(3)})`;
  const rows: readonly (readonly string[])[] = [
    ["stage", ...figures.map(({ nodes }) => `${nodes} ${nodes === 1 ? "node" : "nodes"}`)],
    ...stages.map((stage) => [stage, ...figures.map((figure) => seconds(figure.stages[stage]))]),
    ["total", ...figures.map(({ totalMs }) => seconds(totalMs))],
    ["one containerd", ...figures.map(({ containerdMs }) => seconds(containerdMs))],
    ["total × containerd", ...figures.map(({ ratioToContainerd }) => ratioToContainerd.toFixed(1))],
    ["memory MB", ...figures.map(({ memoryBytes }) => (memoryBytes / 2 ** 20).toFixed(0))],
    ["memory MB per node", ...figures.map(({ memoryBytes, nodes }) => (memoryBytes / nodes / 2 ** 20).toFixed(0))],
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return [
    ...machineLines(machine),
    `Seconds, medians of ${rounds} rounds (least–most), images cached. Published for one node, elsewhere: ${PUBLISHED}.`,
    "",
    ...rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")),
  ]
    .map((line) => `${line.trimEnd()}\n`)
    .join("");
}
