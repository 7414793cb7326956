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
  ];
  const number = (value = Number.NaN) => (Number.isNaN(value) ? "not measured" : value.toFixed(2));
  return [
    `${machine.cpu}, ${machine.cores} cores, Linux ${machine.kernel}, load ${machine.loadAverage.toFixed(1)} at the start`,
    `${options.endpointsEach} endpoints each; medians, with least and most in parentheses`,
    "",
    printTable(header, rows),
    ...unfinished.map(
      ({ contestant, services, afterSeconds }) =>
        `${contestant}, ${services} Services: writing all takes >= ${afterSeconds} s, stopped`,
    ),
    ...figures.flatMap(({ services, endpoints, agent }) =>
      agent === undefined
        ? []
        : [
            "",
            `the whole agent, ${services} Services, ${endpoints} endpoints:`,
            `  start until all is in the kernel      ${(agent.startMs / 1000).toFixed(2)} s`,
            `  a change, from the watch's event      ${spreadText(agent.changeMs, 2)} ms, p99 ${agent.changeMs.p99.toFixed(2)} ms`,
            `  a new name, from when it is programmed ${spreadText(agent.resolveMs, 2)} ms, p99 ${agent.resolveMs.p99.toFixed(2)} ms`,
            `  memory above an idle agent's          ${agent.bytesPerEndpoint.toFixed(0)} bytes/endpoint, ${agent.mostBytesPerEndpoint.toFixed(0)} at most while it starts`,
          ],
    ),
    "",
    `connection, most Services by fewest:   podwire ${number(ratios.connectLargestToSmallest.podwire)}, iptables ${number(ratios.connectLargestToSmallest.iptables)}`,
    `one change, most Services by fewest:   podwire ${number(ratios.changeLargestToSmallest.podwire)}, iptables ${number(ratios.changeLargestToSmallest.iptables)}`,
    `writing all, podwire by iptables:      ${number(ratios.programToIptables)}`,
    `  where iptables was stopped, at most: ${number(ratios.programToIptablesAtMost)}`,
    `connection, podwire by iptables:       ${number(ratios.connectToIptables)}`,
    "",
  ].join("\n");
}

function spreadText({ median, min, max }: Spread, digits: number): string {
  return `${median.toFixed(digits)} (${min.toFixed(digits)}-${max.toFixed(digits)})`;
}
