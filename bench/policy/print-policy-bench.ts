/** The report of the benchmark of policies as text. Pure. */
import { printTable } from "#cli/output/print-table.ts";
import { machineLines } from "../bench-report.ts";
import { formatSpread } from "../statistics.ts";
import type { PolicyBenchReport } from "./policy-bench.ts";
import {
  type ClusterFigure,
  changeKinds,
  type Latency,
  type LoopFigure,
  type PolicyFigures,
  type StartFigure,
  type TestFigure,
  type TrafficFigure,
} from "./policy-figures.ts";

export function printPolicyBench({ machine, figures }: PolicyBenchReport): string {
  const { cluster, starts, loop, traffic, test } = figures;
  return [
    ...machineLines(machine),
    "Medians; in parentheses the least and the most of all rounds. Times in ms unless something else is said.",
    "",
    ...(cluster.length > 0
      ? ["Through the API, three nodes", clusterTable(cluster), clusterGrowthLine(figures), ""]
      : []),
    ...(starts.length > 0 ? ["Pods that start, until a packet from another pod arrives", startTable(starts), ""] : []),
    ...(loop.length > 0 ? ["In one node's process", ...loopTables(loop), ...loopGrowthLines(figures), ""] : []),
    ...(traffic.length > 0 ? [trafficTable(traffic), ""] : []),
    ...(test ? [testTable(test)] : []),
  ].join("\n");
}

function clusterTable(cluster: readonly ClusterFigure[]): string {
  const header = [
    "change",
    "policies",
    "times",
    "API p50",
    "first node p50",
    "all nodes p50",
    "p99",
    "most",
    "says so p50",
    "p99",
    "one transaction p50",
    "all nodes by transaction",
  ];
  const rows = cluster.map((one) => [
    one.change,
    String(one.policies),
    String(one.changes),
    one.answeredMs.median.toFixed(1),
    one.firstNodeMs.median.toFixed(1),
    ...latencyCells(one.enforcedMs),
    one.enforcedMs.max.toFixed(1),
    ...(one.programmedMs ? latencyCells(one.programmedMs) : ["", ""]),
    one.transactionMs.median.toFixed(3),
    one.ratioToTransaction.median?.toFixed(0) ?? "",
  ]);
  return printTable(header, rows);
}

function clusterGrowthLine({ clusterGrowth }: PolicyFigures): string {
  if (clusterGrowth === undefined) return "";
  const { enforced, cpu } = clusterGrowth;
  return (
    `one label change, most policies by fewest:   all nodes ${enforced?.toFixed(2) ?? "not measured"}, ` +
    `CPU of an agent ${formatSpread(cpu, 2)}`
  );
}

function startTable(starts: readonly StartFigure[]): string {
  const header = ["pods", "times", "from sandbox p50", "p99", "from creation p50", "p99"];
  const rows = starts.map(({ kind, pods, sandboxToPacketMs, createToPacketMs }) => [
    kind,
    String(pods),
    ...latencyCells(sandboxToPacketMs),
    ...latencyCells(createToPacketMs),
  ]);
  return printTable(header, rows);
}

function latencyCells({ median, p99 }: Latency): readonly [string, string] {
  return [median.toFixed(1), p99.toFixed(1)];
}

function loopTables(loop: readonly LoopFigure[]): readonly string[] {
  const header = [
    "change",
    "policies",
    "times",
    "allowing: packet p50",
    "p99",
    "kernel p50",
    "p99",
    "forbidding: kernel p50",
    "p99",
    "one transaction p50",
    "p99",
    "packet by transaction",
  ];
  const rows = changeKinds.flatMap((kind) =>
    loop.map((one) => [
      kind,
      String(one.policies),
      String(one.changes),
      ...[one[kind].allowToPacketMs, one[kind].allowToKernelMs, one[kind].forbidToKernelMs, one.transactionMs].flatMap(
        ({ median, p99 }) => [median.toFixed(3), p99.toFixed(2)],
      ),
      one[kind].ratioToTransaction?.toFixed(1) ?? "",
    ]),
  );
  const costs = loop.map((one) => [
    String(one.policies),
    formatSpread(one.labelWallMs, 3),
    formatSpread(one.labelCpuMs, 3),
  ]);
  return [printTable(header, rows), printTable(["policies", "one label change", "CPU"], costs)];
}

function loopGrowthLines({ growth }: PolicyFigures): readonly string[] {
  if (growth === undefined) return [];
  const { allowing, wall, cpu } = growth;
  return [
    `one label change, most policies by fewest:   allowing ${allowing?.toFixed(2) ?? "not measured"}, ` +
      `both ${formatSpread(wall, 2)}, CPU ${formatSpread(cpu, 2)}`,
  ];
}

function trafficTable(traffic: readonly TrafficFigure[]): string {
  const header = [
    "policies",
    "TCP (Gbit/s)",
    "by no table",
    "CPU of both ends (s/GB)",
    "by no table",
    "connect (us)",
    "by no table",
  ];
  const rows = traffic.map((one) => [
    String(one.contestant),
    formatSpread(one.gigabitsPerSecond, 2),
    one.throughputRatio ? formatSpread(one.throughputRatio, 3) : "",
    formatSpread(one.cpuSecondsPerGigabyte, 2),
    one.cpuRatio ? formatSpread(one.cpuRatio, 3) : "",
    formatSpread(one.connectUs, 1),
    one.connectRatio ? formatSpread(one.connectRatio, 2) : "",
  ]);
  return printTable(header, rows);
}

function testTable(figure: TestFigure): string {
  const header = [
    "test cases",
    "with boot",
    "without boot",
    "empty cluster",
    "with boot by empty cluster",
    "empty sandbox",
    "with boot by empty sandbox",
  ];
  const row = [
    String(figure.cases),
    formatSpread(figure.withBootMs, 0),
    formatSpread(figure.withoutBootMs, 0),
    formatSpread(figure.clusterBootMs, 0),
    formatSpread(figure.ratioToClusterBoot, 2),
    formatSpread(figure.emptyBootMs, 0),
    formatSpread(figure.ratioToEmptyBoot, 2),
  ];
  return printTable(header, [row]);
}
