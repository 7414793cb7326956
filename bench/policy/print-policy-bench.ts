/** The report of the benchmark of policies as text. Pure. */
import { printTable } from "#cli/output/print-table.ts";
import type { PolicyBenchReport } from "./policy-bench.ts";
import {
  type ChangeFigure,
  changeKinds,
  type PolicyFigures,
  type Spread,
  type TestFigure,
  type TrafficFigure,
} from "./policy-figures.ts";

export function printPolicyBench({ machine, options, figures }: PolicyBenchReport): string {
  const { change, traffic, test } = figures;
  return [
    `${machine.cpu}, ${machine.cores} cores, Linux ${machine.kernel}, load ${machine.loadAverage.toFixed(1)} at the start`,
    `${options.rounds} rounds; medians, with least and most of all rounds in parentheses`,
    "",
    ...(change.length > 0 ? [changeTable(change), ...growthLines(figures), ""] : []),
    ...(traffic.length > 0 ? [trafficTable(traffic), ""] : []),
    ...(test ? [testTable(test)] : []),
  ].join("\n");
}

function changeTable(change: readonly ChangeFigure[]): string {
  const header = [
    "change",
    "policies",
    "times",
    "allowing: packet p50 (ms)",
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
    change.map((one) => [
      kind,
      String(one.policies),
      String(one.changes),
      ...[one[kind].allowToPacketMs, one[kind].allowToKernelMs, one[kind].forbidToKernelMs, one.transactionMs].flatMap(
        ({ median, p99 }) => [median.toFixed(3), p99.toFixed(2)],
      ),
      one[kind].ratioToTransaction?.toFixed(1) ?? "",
    ]),
  );
  const costs = change.map((one) => [
    String(one.policies),
    spreadText(one.labelWallMs, 3),
    spreadText(one.labelCpuMs, 3),
  ]);
  return `${printTable(header, rows)}\n${printTable(["policies", "one label change (ms)", "CPU (ms)"], costs)}`;
}

function growthLines({ growth }: PolicyFigures): readonly string[] {
  if (growth === undefined) return [];
  const { allowing, wall, cpu } = growth;
  return [
    `one label change, most policies by fewest:   allowing ${allowing?.toFixed(2) ?? "not measured"}, ` +
      `both ${ratioText(wall)}, CPU ${ratioText(cpu)}`,
  ];
}

function trafficTable(traffic: readonly TrafficFigure[]): string {
  const header = ["policies", "TCP (Gbit/s)", "by no table", "connect (us)", "by no table"];
  const rows = traffic.map((one) => [
    String(one.contestant),
    spreadText(one.gigabitsPerSecond, 2),
    one.throughputRatio ? ratioText(one.throughputRatio) : "",
    spreadText(one.connectUs, 1),
    one.connectRatio ? ratioText(one.connectRatio) : "",
  ]);
  return printTable(header, rows);
}

function testTable({ cases, emptyBootMs, withBootMs, withoutBootMs, ratioToEmptyBoot }: TestFigure): string {
  const header = ["test cases", "with boot (ms)", "without boot", "empty sandbox", "with boot by empty sandbox"];
  const figures = [withBootMs, withoutBootMs, emptyBootMs].map((one) => spreadText(one, 0));
  return printTable(header, [[String(cases), ...figures, ratioText(ratioToEmptyBoot)]]);
}

function ratioText(spread: Spread): string {
  return spreadText(spread, 2);
}

function spreadText({ median, min, max }: Spread, digits: number): string {
  return `${median.toFixed(digits)} (${min.toFixed(digits)}-${max.toFixed(digits)})`;
}
