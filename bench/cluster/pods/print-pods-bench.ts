/** The report for people. */
import { type BenchReport, machineLines } from "#bench/bench-report.ts";
import type { PodsFigure } from "./pods-bench.ts";

export interface PodsReport extends BenchReport<"pods"> {
  readonly options: { readonly pods: number; readonly lanes: number; readonly rounds: number };
  readonly figures: readonly PodsFigure[];
}

const TITLES = {
  podwire: "Podwire: API, scheduler, kubelet, containerd, our plugins",
  containerd: "containerd over CRI, reference plugins",
} as const;

export function printPodsBench({ machine, options, figures }: PodsReport): string {
  const { pods, lanes, rounds } = options;
  return [
    ...machineLines(machine),
    `Pods a second, medians of ${rounds} rounds of ${pods} pods (least–most); containerd alone runs ${lanes} at a time.`,
    `"×" is the median of the rounds' ratios to containerd alone.`,
    ...(["start", "stop"] as const).flatMap((what) => [
      "",
      what === "start" ? "created until all are ready" : "deleted until none is left",
      ...figures.filter((figure) => figure.what === what).map(lineOf),
    ]),
  ]
    .map((line) => `${line}\n`)
    .join("");
}

function lineOf({ contestant, podsPerSecond, median, ratioToContainerd }: PodsFigure): string {
  const range = `(${Math.min(...podsPerSecond).toFixed(1)}–${Math.max(...podsPerSecond).toFixed(1)})`;
  const compared = ratioToContainerd === undefined ? "" : `  × ${ratioToContainerd.toFixed(2)}`;
  return `  ${TITLES[contestant].padEnd(TITLES.podwire.length)}  ${median.toFixed(1).padStart(5)} ${range}${compared}`;
}
