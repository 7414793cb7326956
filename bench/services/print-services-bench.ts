/** The report of the benchmark of Services as text. Pure. */
import { printTable } from "#cli/output/print-table.ts";
import type { ServicesBenchReport, Spread } from "./services-bench.ts";

export function printServicesBench({ machine, options, figures, unfinished, ratios }: ServicesBenchReport): string {
  const rows = figures.map((figure) => [
    figure.contestant,
    String(figure.services),
    figure.programMs.toFixed(0),
    spreadText(figure.changeMs, 2),
    spreadText(figure.connectUs.first, 1),
    spreadText(figure.connectUs.last, 1),
    spreadText(figure.connectUs.direct, 1),
    figure.cpuUsPerConnection.median.toFixed(1),
    figure.bytesPerEndpoint?.toFixed(0) ?? "",
  ]);
  const header = [
    "CONTESTANT",
    "SERVICES",
    "ALL (ms)",
    "ONE CHANGE (ms)",
    "CONNECT FIRST (us)",
    "LAST",
    "NO SERVICE",
    "CPU (us)",
    "BYTES/ENDPOINT",
  ];
  const number = (value = Number.NaN) => (Number.isNaN(value) ? "not measured" : value.toFixed(2));
  return [
    `${machine.cpu}, ${machine.cores} cores, Linux ${machine.kernel}, load ${machine.loadAverage.toFixed(1)} at the start`,
    `${options.endpointsEach} endpoints each; medians, with least and most in parentheses`,
    "",
    printTable(header, rows),
    ...unfinished.map(
      ({ contestant, services, afterSeconds }) =>
        `${contestant}, ${services} Services: not done after ${afterSeconds} s`,
    ),
    "",
    `connection, most Services by fewest:   podwire ${number(ratios.connectLargestToSmallest.podwire)}, iptables ${number(ratios.connectLargestToSmallest.iptables)}`,
    `one change, most Services by fewest:   podwire ${number(ratios.changeLargestToSmallest.podwire)}, iptables ${number(ratios.changeLargestToSmallest.iptables)}`,
    `writing all, podwire by iptables:      ${number(ratios.programToIptables)}`,
    `connection, podwire by iptables:       ${number(ratios.connectToIptables)}`,
    "",
  ].join("\n");
}

function spreadText({ median, min, max }: Spread, digits: number): string {
  return `${median.toFixed(digits)} (${min.toFixed(digits)}-${max.toFixed(digits)})`;
}
