/** `podwire bench up` and `podwire bench pods`: whole clusters, in namespaces of their own. */
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import type { BootFigure, BootRequest } from "#bench/cluster/boot/boot-bench.ts";
import { printBootBench } from "#bench/cluster/boot/print-boot-bench.ts";
import type { PodsFigure, PodsRequest } from "#bench/cluster/pods/pods-bench.ts";
import { printPodsBench } from "#bench/cluster/pods/print-pods-bench.ts";
import { missingPlugins } from "#bench/contestants.ts";
import { runIsolated } from "#bench/isolated.ts";
import { CliError } from "../cli-error.ts";
import { prepareBenchClusters } from "./prepare-bench-clusters.ts";
import {
  collectWholeNumbers,
  parseWholeNumber,
  type ReportFlags,
  requireRoot,
  runBenchmark,
  withReportOptions,
} from "./run-benchmark.ts";

interface UpFlags extends ReportFlags {
  readonly nodes: readonly number[];
  readonly rounds: number;
}

const NODES = [3];
const WHAT = "Cannot measure clusters";

export function upBenchCommand(): Command {
  const command = new Command("up")
    .description(
      "Measures the time to a cluster that serves, stage by stage, next to the time that one containerd needs in the " +
        "same round. Everything is namespaces that end with it.",
    )
    .option("--nodes <number...>", "sizes of clusters", collectWholeNumbers(NODES), NODES)
    .option("--rounds <number>", "clusters of each size, after one that does not count", parseWholeNumber, 5);
  return withReportOptions(command)
    .addHelpText("after", "\nExample:\n  sudo podwire bench up --nodes 1 3 10")
    .action(runUp);
}

async function runUp({ nodes: nodeCounts, rounds, ...flags }: UpFlags): Promise<void> {
  requireRoot(WHAT, "up");
  await runBenchmark(flags, {
    name: "up",
    async measure(bench) {
      const { podwire, binDir } = await prepareBenchClusters(bench);
      const request: BootRequest = { podwire, binDir, stateDir: bench.folder, nodeCounts, rounds };
      const program = fileURLToPath(import.meta.resolve("#bench/cluster/boot/boot-bench-process.ts"));
      const measured = await runIsolated({ program, request, progress: bench.progress }, bench.signal);
      // Sent by runBootBench as this type.
      return { rounds, figures: measured as readonly BootFigure[] };
    },
    print: printBootBench,
  });
}

interface PodsFlags extends ReportFlags {
  readonly pods: number;
  readonly lanes: number;
  readonly rounds: number;
  readonly reference: string;
}

export function podsBenchCommand(): Command {
  const command = new Command("pods")
    .description(
      "Measures how many pods a second a node starts and stops through the API, against a bare containerd with the " +
        "reference plugins in the same run. Everything is namespaces that end with it.",
    )
    .option("--pods <number>", "in each round", parseWholeNumber, 60)
    .option("--lanes <number>", "pods at a time, of containerd alone", parseWholeNumber, 4)
    .option("--rounds <number>", "turns of each", parseWholeNumber, 5)
    .option("--reference <dir>", "folder of the reference plugins", "/usr/lib/cni");
  return withReportOptions(command)
    .addHelpText("after", "\nExample:\n  sudo podwire bench pods --pods 100")
    .action(runPods);
}

async function runPods({ pods, lanes, rounds, reference: referenceDir, ...flags }: PodsFlags): Promise<void> {
  requireRoot(WHAT, "pods");
  const missing = missingPlugins(referenceDir);
  if (missing.length > 0) {
    throw new CliError("machine", {
      what: `Cannot measure the reference plugins in "${referenceDir}"`,
      why: `not there: ${missing.join(", ")}`,
      next: "run: sudo apt-get install containernetworking-plugins iptables; or name their folder with --reference",
    });
  }
  const options = { pods, lanes, rounds };
  await runBenchmark(flags, {
    name: "pods",
    async measure(bench) {
      const { podwire, imageDir } = await prepareBenchClusters(bench);
      const request: PodsRequest = { podwire, referenceDir, stateDir: bench.folder, imageDir, ...options };
      const program = fileURLToPath(import.meta.resolve("#bench/cluster/pods/pods-bench-process.ts"));
      const measured = await runIsolated({ program, request, progress: bench.progress }, bench.signal);
      // Sent by runPodsBench as this type.
      return { options, figures: measured as readonly PodsFigure[] };
    },
    print: printPodsBench,
  });
}
